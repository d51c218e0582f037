import { fork } from "node:child_process";

/**
 * Plays batches in worker processes until `order` has no more: a worker gets the next one when it has answered.
 * Rejects when a worker ends with another code than 0.
 */
export async function playInWorkers<Order extends object, Answer>(
  program: URL,
  workers: number,
  order: () => Order | undefined,
  take: (answer: Answer) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: workers }, () => work(program, order, take)));
}

function work<Order extends object, Answer>(
  program: URL,
  order: () => Order | undefined,
  take: (answer: Answer) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(program, { stdio: "inherit" });
    const give = (): void => {
      const batch = order();
      if (batch === undefined) child.disconnect();
      else child.send(batch);
    };
    child.on("message", (answer) => {
      take(answer as Answer);
      give();
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`a worker ended with code ${code}`));
    });
    give();
  });
}
