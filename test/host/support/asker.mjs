import { existsSync } from "node:fs";

/**
 * Asks the tally of `examples/tally.mjs` to add 1, 2, 3 ... and throws once it has got the sum of all. In the
 * middle it waits for a file, so that a test can do something meanwhile.
 */
const last = 400;
const goFile = process.env["ASKER_GO_FILE"] ?? "";
const text = (line) => new TextEncoder().encode(line);

export default function makeAsker() {
  let asked = 0;
  let answered = 0;
  let nextMs = 0;
  return {
    onMessage({ payload }) {
      const line = new TextDecoder().decode(payload);
      if (!line.startsWith("sum")) return;
      answered += 1;
      const sum = (answered * (answered + 1)) / 2;
      if (line !== `sum ${sum}`) throw new Error(`answer ${answered} is ${line}`);
      if (answered === last) throw new Error(`all ${last} answers are right`);
    },
    send(nowMs) {
      if (asked === last) return undefined;
      if (nowMs < nextMs) return nextMs;
      if (asked === last / 2 && !existsSync(goFile)) return nowMs + 20;
      nextMs = nowMs + 2;
      asked += 1;
      return { streamId: 1, payload: text(String(asked)) };
    },
    snapshot: () => text(`${asked} ${answered}`),
    restore: () => undefined,
  };
}
