import { expect, it } from "vitest";
import type { SocketStack } from "../../../agents/sctp/index.ts";
import { seededRandom } from "../../../agents/sctp/index.ts";
import { SocketWorld, valueOf } from "./world.ts";

/**
 * Users who call whatever comes to their mind, over a bad network. Nothing asserts, every answer is a value,
 * and when all sockets are closed everything comes to an end: no timer runs and every port is free again.
 */
const addresses = ["192.0.2.1", "192.0.2.2"];
const ports = [7000, 7001, 7002];
const steps = 1500;

class User {
  readonly #stack: SocketStack;
  readonly #world: SocketWorld;
  readonly #pick: (below: number) => number;
  readonly #peerAddress: string;
  readonly descriptors: number[] = [];
  readonly answers: Map<string, number> = new Map<string, number>();

  constructor(world: SocketWorld, stack: SocketStack, pick: (below: number) => number, peerAddress: string) {
    this.#world = world;
    this.#stack = stack;
    this.#pick = pick;
    this.#peerAddress = peerAddress;
  }

  #descriptor(): number {
    return this.descriptors[this.#pick(this.descriptors.length)] ?? 99;
  }

  #port(): number {
    return ports[this.#pick(ports.length)] ?? 7000;
  }

  #open(descriptor: number): void {
    if (this.descriptors.length < 12) this.descriptors.push(descriptor);
    else this.#stack.close(descriptor, this.#world.nowMs);
  }

  /** Somebody has to listen, or little happens. */
  listen(style: "one-to-one" | "one-to-many", port: number): void {
    const descriptor = this.#stack.socket(style);
    valueOf(this.#stack.bind(descriptor, ["0.0.0.0"], port));
    valueOf(this.#stack.listen(descriptor, 3));
    this.descriptors.push(descriptor);
  }

  act(): void {
    const { nowMs } = this.#world;
    const stack = this.#stack;
    const to = { addresses: [this.#peerAddress], port: this.#port() };
    const association = 1 + this.#pick(8);
    const calls: [string, number, () => { ok: boolean; value?: unknown; errno?: string }][] = [
      [
        "socket",
        3,
        () => ({ ok: true, value: this.#open(stack.socket(this.#pick(2) ? "one-to-one" : "one-to-many")) }),
      ],
      ["bind", 3, () => stack.bind(this.#descriptor(), ["0.0.0.0"], this.#port())],
      ["listen", 3, () => stack.listen(this.#descriptor(), this.#pick(3))],
      ["connect", 4, () => stack.connect(this.#descriptor(), to.addresses, to.port, nowMs)],
      ["send", 20, () => this.#send(to, association)],
      ["receive", 20, () => stack.receive(this.#descriptor(), 1 + this.#pick(5000), nowMs)],
      [
        "shutdown",
        1,
        () =>
          stack.shutdown(
            this.#descriptor(),
            (["read", "write", "both"] as const)[this.#pick(3)] ?? "both",
            nowMs,
          ),
      ],
      ["close", 1, () => this.#close()],
      ["peelOff", 1, () => stack.peelOff(this.#descriptor(), association, nowMs)],
      ["status", 2, () => stack.status(this.#descriptor(), nowMs)],
      ["error", 2, () => stack.takeError(this.#descriptor(), nowMs)],
      [
        "reconfigure",
        1,
        () => stack.reconfigure(this.#descriptor(), { kind: "outgoing-reset", streams: [] }, nowMs),
      ],
      [
        "option",
        2,
        () =>
          stack.setOption(
            this.#descriptor(),
            { name: "SCTP_NODELAY", on: this.#pick(2) === 1 },
            nowMs,
            "all",
          ),
      ],
      [
        "event",
        2,
        () =>
          stack.setOption(
            this.#descriptor(),
            { name: "SCTP_EVENT", event: "association-change", on: true },
            nowMs,
          ),
      ],
      ["accept", 6, () => stack.accept(this.#descriptor(), nowMs)],
    ];
    let at = this.#pick(calls.reduce((sum, [, weight]) => sum + weight, 0));
    const chosen = calls.find(([, weight]) => (at -= weight) < 0);
    if (chosen === undefined) return;
    const [name, , call] = chosen;
    const answer = call();
    if ((name === "accept" || name === "peelOff") && typeof answer.value === "number")
      this.#open(answer.value);
    const key = `${name} ${answer.ok ? "ok" : answer.errno}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }

  #send(to: { addresses: string[]; port: number }, association: number): { ok: boolean; errno?: string } {
    const payload = new Uint8Array(this.#pick(10) === 0 ? this.#pick(300_000) : this.#pick(3000));
    const way = [{}, { to }, { to: association }][this.#pick(3)] ?? {};
    const end = this.#pick(30);
    const info = {
      ...way,
      streamId: this.#pick(20),
      unordered: this.#pick(2) === 1,
      eof: end === 0,
      abort: end === 1,
      ...(this.#pick(4) === 0 ? { reliability: { policy: "timed", lifetimeMs: 50 } as const } : undefined),
    };
    return this.#stack.send(this.#descriptor(), payload, info, this.#world.nowMs);
  }

  #close(): { ok: boolean; errno?: string } {
    const [descriptor = 99] = this.descriptors.splice(this.#pick(this.descriptors.length), 1);
    return this.#stack.close(descriptor, this.#world.nowMs);
  }
}

it.each(Array.from({ length: 40 }, (_, index) => index + 1))("users call at random, seed %i", (seed) => {
  const faults = { latencyMs: 5, jitterMs: 10, loss: (seed % 4) * 0.05, duplication: 0.02, corruption: 0.02 };
  const world = new SocketWorld(seed, faults);
  const random = seededRandom(seed * 7919);
  const pick = (below: number): number => (below === 0 ? 0 : random.uint32() % below);
  const stacks = addresses.map((address) => world.host([address]));
  const users = stacks.map((stack, index) => new User(world, stack, pick, addresses[1 - index] ?? ""));
  for (const user of users) {
    user.listen("one-to-many", 7000);
    user.listen("one-to-one", 7001);
  }
  for (let step = 0; step < steps; step++) {
    users[pick(2)]?.act();
    if (pick(3) === 0) world.run(pick(10) === 0 ? pick(5000) : pick(40));
  }
  const told = users.flatMap(({ answers }) => [...answers.keys()]);
  for (const call of ["send ok", "receive ok", "connect ok"]) expect(told).toContain(call);
  for (const [index, stack] of stacks.entries()) {
    for (const descriptor of users[index]?.descriptors ?? []) valueOf(stack.close(descriptor, world.nowMs));
  }
  // Long enough for T5-shutdown-guard and the retransmissions of both sides.
  world.run(3_000_000);
  for (const stack of stacks) {
    expect(stack.nextDeadlineMs()).toBeUndefined();
    for (const port of ports) valueOf(stack.bind(stack.socket("one-to-one"), ["0.0.0.0"], port));
  }
});
