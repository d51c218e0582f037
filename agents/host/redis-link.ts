import { createHash, randomBytes } from "node:crypto";
import type { ClusterFrame } from "../replica/index.ts";
import { linkVersion } from "../replica/index.ts";
import type { LinkHandlers, MemberLink } from "./cluster-link.ts";
import { RedisConnection } from "./redis-connection.ts";
import { StoreCopy } from "./redis-copy.ts";
import type { StoreScript } from "./redis-scripts.ts";
import { Sealer } from "./redis-seal.ts";
import type { Answer, RedisPlace } from "./redis-server.ts";

export interface RedisLinkOptions extends RedisPlace {
  /** The secret of the cluster: it seals what is stored, and the keys are named after it. */
  readonly secretHex: string;
  /** Silence of the primary after which a claim is granted. */
  readonly takeoverAfterMs: number;
  /** An answer that does not come for this long: the connection is given up. */
  readonly silentAfterMs?: number;
  /** What is in the store ends by itself when nobody was heard for this long. */
  readonly keepMs?: number;
  /** What is stored at most, and what may be under way to the server at most. */
  readonly maxBytes?: number;
  readonly maxAssociations?: number;
}

type Role = "primary" | "standby";
type Argument = string | Buffer;

const defaults = {
  silentAfterMs: 2000,
  keepMs: 600_000,
  maxBytes: 256 * 1024 * 1024,
  maxAssociations: 16_384,
};

/**
 * A Redis server as a keeper: to the member it looks like the link to a keeper agent, the same frames in and
 * out. It sees no process end, so a claim always waits for the primary's silence, by Redis' own clock.
 */
export class RedisLink implements MemberLink {
  readonly #options: RedisLinkOptions & typeof defaults;
  readonly #handlers: LinkHandlers;
  readonly #copy: StoreCopy;
  readonly #connection: RedisConnection;
  readonly #owner: string = randomBytes(8).toString("hex");
  /** What the member said before the server has answered to its hello: until then nobody knows what is there. */
  #waiting: ClusterFrame[] | undefined;
  /** The server was greeted on this connection, and has answered. */
  #isGreeted: boolean = false;
  #role: Role = "standby";
  /** The place of the primary was given away on this link. */
  #hasHandedOver: boolean = false;
  #epoch: number = 0;

  constructor(options: RedisLinkOptions, handlers: LinkHandlers) {
    this.#options = { ...defaults, ...options };
    this.#handlers = handlers;
    const secret = Buffer.from(options.secretHex, "hex");
    const digest = createHash("sha256").update("understudy cluster ").update(secret).digest("hex");
    this.#copy = new StoreCopy(new Sealer(secret), this.#options);
    this.#connection = new RedisConnection(this.#options, digest.slice(0, 16), {
      onUp: () => handlers.onUp(),
      onDown: (closed) => this.#isDown(closed),
      onRefused: (reason) => handlers.onRefused(reason),
    });
  }

  #isDown(closed: boolean): void {
    this.#waiting = undefined;
    this.#isGreeted = false;
    this.#handlers.onDown(closed);
  }

  giveUp(): void {
    this.#connection.giveUp();
  }

  send(frames: readonly ClusterFrame[]): void {
    for (const frame of frames) {
      if (this.#waiting === undefined) this.#send(frame);
      else this.#waiting.push(frame);
    }
  }

  #send(frame: ClusterFrame): void {
    switch (frame.kind) {
      case "hello":
        this.#hello(frame.epoch, frame.role === "primary" ? "primary" : "standby");
        break;
      case "beat":
        this.#beat(frame);
        break;
      case "updates":
        this.#write(this.#copy.updates(frame.updates, frame.epoch));
        break;
      case "state":
        this.#write(this.#copy.state(frame));
        break;
      case "lease":
        this.#lease(frame);
        break;
      case "policy":
        this.#policy(frame);
        break;
      case "synced":
        this.#call("synced", this.#copy.synchronised(frame.associations).map(String), () => {
          this.#heard({ kind: "synced", epoch: frame.epoch });
        });
        break;
      case "handover":
        this.#hasHandedOver = true;
        this.#call("handover", [String(frame.epoch)], () => undefined);
        break;
      case "fenced":
        // A server that starts anew knows of no epoch; it learns it from the hello.
        break;
      case "solo":
        this.#call("solo", [], () =>
          this.#heard({ kind: "soloGranted", epoch: this.#epoch, number: frame.number }),
        );
        break;
      case "claim":
        this.#claim(frame.epoch);
        break;
      case "leaving":
        if (this.#role === "primary" && !this.#hasHandedOver) this.#call("solo", [], () => undefined);
        break;
      default:
        this.#connection.fail(`a store gets no "${frame.kind}"`);
    }
  }

  #heard(frame: ClusterFrame): void {
    this.#handlers.onFrame(frame);
  }

  #hello(epoch: number, role: Role): void {
    this.#epoch = epoch;
    this.#role = role;
    this.#hasHandedOver = false;
    this.#waiting = [];
    this.#call(
      "hello",
      [role],
      ({ rest }) => {
        const [theirs = 0, , ...numbers] = rest.map(Number);
        if (role === "primary") this.#copy.found(pairs(numbers));
        const informed = String(rest[1]) === "1";
        // A store that knows nothing says so by epoch 0, like a keeper that has just started.
        this.#greeted(informed || theirs > epoch ? theirs : 0);
      },
      (theirs) => this.#greeted(theirs),
    );
  }

  #greeted(epoch: number): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    // A keeper says hello once on a link, however often the member does.
    if (!this.#isGreeted) this.#heard({ kind: "hello", epoch, version: linkVersion, role: "keeper" });
    this.#isGreeted = true;
    this.send(waiting);
  }

  #beat({ stampMs }: Extract<ClusterFrame, { kind: "beat" }>): void {
    const epoch = this.#epoch;
    if (this.#role === "standby") {
      this.#connection.ask(
        async (server) => server.ping(),
        0,
        () => this.#heard({ kind: "beat", epoch }),
      );
      return;
    }
    this.#call("beat", [], ({ rest: [informed] }) => {
      const leave = String(informed) === "1" && stampMs !== undefined;
      this.#heard({ kind: "beat", epoch, ...(leave && { stampMs }) });
    });
  }

  #write(prepared: ReturnType<StoreCopy["updates"]>): void {
    if (!prepared.ok) {
      // Nobody goes on from what is there before the next synchronisation; the server is told that first.
      this.#connection.refuse(`it cannot be stored: ${prepared.reason}`);
      this.#call("solo", [], () => this.giveUp());
      this.#waiting = [];
      return;
    }
    const epoch = this.#epoch;
    this.#call("write", prepared.args, () => {
      this.#connection.isOfUse();
      for (const [association, sequence] of prepared.held) {
        this.#heard({ kind: "held", epoch, association, sequence });
      }
    });
  }

  #policy({ epoch, excuses }: Extract<ClusterFrame, { kind: "policy" }>): void {
    this.#copy.policy(excuses);
    this.#call("policy", [excuses ? "1" : "0"], () => this.#heard({ kind: "policy", epoch, excuses }));
  }

  #lease(frame: Extract<ClusterFrame, { kind: "lease" }>): void {
    const args = this.#copy.lease(frame);
    // The association may have ended since.
    if (args === undefined) return;
    const { association, lease, epoch } = frame;
    this.#call("leaseHeld", args, () => {
      this.#heard({ kind: "leaseHeld", epoch, association, limitTsn: lease.limitTsn });
    });
  }

  #claim(epoch: number): void {
    const before = this.#epoch;
    this.#epoch = epoch;
    this.#call("claim", [String(this.#options.takeoverAfterMs)], ({ word, rest }) => {
      if (word !== "denied") {
        this.#role = "primary";
        this.#hasHandedOver = false;
        const [excuses, ...numbers] = rest.map(Number);
        this.#copy.clear();
        this.#copy.policy(excuses === 1);
        this.#load(epoch, pairs(numbers));
        return;
      }
      this.#epoch = before;
      this.#heard({ kind: "claimDenied", epoch: epoch - 1, retryAfterMs: Number(rest[1]) });
    });
  }

  /** Nobody else writes any more, so what is read now is what was there when the claim was granted. */
  #load(epoch: number, numbers: readonly (readonly [number, number])[]): void {
    const head = this.#head();
    this.#connection.ask(
      async (server) =>
        Promise.all(
          numbers.map(async ([association]) => server.call("load", [...head, String(association)])),
        ),
      0,
      (answers) => this.#loaded(epoch, numbers, answers),
    );
  }

  #loaded(epoch: number, numbers: readonly (readonly [number, number])[], answers: readonly Answer[]): void {
    for (const [at, [association, number]] of numbers.entries()) {
      const loaded = this.#copy.loaded(association, number, answers[at]?.rest ?? []);
      if (!loaded.ok) {
        this.#connection.fail(`nothing is taken over from the store: ${loaded.reason}`);
        return;
      }
    }
    this.#handlers.onDelivered?.(this.#copy.takeDelivered());
    for (const frame of this.#copy.frames(epoch)) this.#heard(frame);
    this.#heard({ kind: "claimed", epoch });
  }

  #head(): readonly string[] {
    return [String(this.#epoch), this.#owner, String(this.#options.keepMs)];
  }

  /** Calls a script; `done` gets its answer when that is `ok` or `denied`. */
  #call(
    script: StoreScript,
    args: readonly Argument[],
    done: (answer: Answer) => void,
    fenced: (epoch: number) => void = () => undefined,
  ): void {
    const bytes = args.reduce((sum, arg) => sum + arg.length, 0);
    const head = this.#head();
    this.#connection.ask(
      async (server) => server.call(script, [...head, ...args]),
      bytes,
      (answer) => {
        const { word, rest } = answer;
        if (word === "ok" || word === "denied") done(answer);
        else if (word === "fenced") {
          fenced(Number(rest[0]));
          this.#heard({ kind: "fenced", epoch: Number(rest[0]) });
        } else if (word === "lost") this.#connection.fail("the store has lost what it held");
        else this.#connection.fail(`the store does not have what it should (${word})`);
      },
    );
  }

  close(): void {
    this.#connection.close();
  }
}

function pairs(numbers: readonly number[]): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let at = 0; at + 1 < numbers.length; at += 2) pairs.push([numbers[at] ?? 0, numbers[at + 1] ?? 0]);
  return pairs;
}
