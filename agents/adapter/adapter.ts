import type { ProtocolParameters } from "../sctp/index.ts";
import { SocketStack } from "../sctp/index.ts";
import { answered, refused, unsupported } from "./answers.ts";
import type { Outcome } from "./answers.ts";
import type { Request } from "./fields.ts";
import { FieldError, countField, flagField, isRequest, textField } from "./fields.ts";
import type { Medium, SentPacket } from "./medium.ts";
import { socketOperations } from "./operations.ts";
import type { Hello } from "./setting.ts";
import { namesFeature, readHello, switchFeatures } from "./setting.ts";
import { UdpMedium } from "./udp-medium.ts";
import { VirtualMedium } from "./virtual-medium.ts";

/** One line of output. */
export interface Answer {
  readonly id: number | string | null;
  readonly ret: number;
  readonly err?: string;
  readonly now?: number;
  readonly packets?: readonly SentPacket[];
  readonly [field: string]: unknown;
}

/**
 * The conformance adapter: the requests of a runner, carried out by a socket stack. It has no behaviour of
 * its own; what a peer can see is the stack's.
 */
export class Adapter {
  #hello: Hello | undefined;
  #medium: Medium | undefined;
  #parameters: ProtocolParameters | undefined;
  #stack: SocketStack | undefined;
  #hasSockets: boolean = false;
  /** `bye` was answered. */
  finished: boolean = false;

  /** Answers one line; whatever is in it, there is exactly one answer. */
  async answer(line: string): Promise<Answer> {
    const request = parseRequest(line);
    if (request === undefined)
      return { id: null, ret: -1, err: "EINVAL", message: "the line is not a JSON object" };
    const outcome = await this.#carryOut(request);
    this.#medium?.settle();
    const { id } = request;
    return {
      id: typeof id === "number" || typeof id === "string" ? id : null,
      ...outcome,
      ...this.#virtualFields(),
    };
  }

  close(): void {
    this.#medium?.close();
  }

  #virtualFields(): { now?: number; packets?: readonly SentPacket[] } {
    if (!(this.#medium instanceof VirtualMedium)) return {};
    const packets = this.#medium.takeSent();
    return { now: this.#medium.nowUs, ...(packets.length === 0 ? undefined : { packets }) };
  }

  async #carryOut(request: Request): Promise<Outcome> {
    try {
      const op = textField(request, "op");
      if (op === "hello") return await this.#greet(request);
      if (op === "bye") {
        this.finished = true;
        return answered(0);
      }
      const medium = this.#medium;
      if (medium === undefined) return refused("EINVAL", "hello comes first");
      if (op === "config") return this.#configure(request);
      if (medium instanceof VirtualMedium) {
        if (op === "advance") return advance(medium, request);
        if (op === "packet") return this.#packet(medium, request);
      }
      const operation = Object.hasOwn(socketOperations, op) ? socketOperations[op] : undefined;
      if (operation === undefined) return unsupported("ENOSYS", `there is no operation "${op}"`);
      this.#hasSockets ||= op === "socket";
      return operation(this.#startStack(medium), request, medium.nowMs());
    } catch (error) {
      if (error instanceof FieldError) return refused("EINVAL", error.message);
      throw error;
    }
  }

  async #greet(request: Request): Promise<Outcome> {
    if (this.#medium !== undefined) return refused("EINVAL", "hello comes once");
    const hello = readHello(request);
    if (hello === undefined) return unsupported("ENOSYS", "the stack has no such contract, mode or feature");
    if (hello.transport === "json") this.#medium = new VirtualMedium();
    else {
      try {
        this.#medium = await UdpMedium.open(hello.localAddresses, hello.localUdpPort, hello.peerUdpPort);
      } catch (error) {
        const isSystem = error instanceof Error && "code" in error && typeof error.code === "string";
        if (!isSystem) throw error;
        return refused(String(error.code), error.message);
      }
    }
    this.#hello = hello;
    this.#parameters = hello.parameters;
    this.#startStack(this.#medium);
    return { ...answered(0), name: "understudy", contract: 1 };
  }

  /** The stack is made anew for a change of features, which comes before the first socket. */
  #configure(request: Request): Outcome {
    const parameters = this.#parameters;
    if (parameters === undefined || !namesFeature(request))
      return unsupported("ENOSYS", "there is no such feature");
    if (this.#hasSockets) return refused("EINVAL", "features are chosen before the first socket");
    const switched = switchFeatures(parameters, request);
    if (!switched.ok) return unsupported("ENOSYS", "the stack does not have this feature");
    this.#parameters = switched.parameters;
    this.#stack = undefined;
    if (this.#medium !== undefined) this.#startStack(this.#medium);
    return answered(0);
  }

  #startStack(medium: Medium): SocketStack {
    if (this.#stack !== undefined) return this.#stack;
    const { localAddresses = [] } = this.#hello ?? {};
    const parameters = this.#parameters;
    if (parameters === undefined) throw new Error("a stack is started after hello");
    const stack = new SocketStack({ localAddresses, parameters, cookieKey: medium.cookieKey }, medium.random);
    this.#stack = stack;
    medium.attach(stack);
    return stack;
  }

  #packet(medium: VirtualMedium, request: Request): Outcome {
    const hex = textField(request, "hex");
    if (!/^(?:[0-9a-f]{2})*$/iu.test(hex)) return refused("EINVAL", '"hex" must be pairs of hex digits');
    medium.receive(
      Uint8Array.from(Buffer.from(hex, "hex")),
      textField(request, "src"),
      textField(request, "dst"),
    );
    return answered(0);
  }
}

function advance(medium: VirtualMedium, request: Request): Outcome {
  medium.advance(countField(request, "us"), flagField(request, "stop_on_packet"));
  return answered(0);
}

function parseRequest(line: string): Request | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isRequest(value) ? value : undefined;
  } catch {
    // Whatever is wrong with the line, its writer is told that it is no JSON.
    return undefined;
  }
}
