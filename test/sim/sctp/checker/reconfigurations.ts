import type { ReconfigurationRequestOnWire, ReconfigurationResponseOnWire } from "./extension-reader.ts";
import { hold, steps } from "./violation.ts";

/** Results of RFC 6525 section 4.4. */
const performed = 1;
const badSequenceNumber = 5;
const inProgress = 6;

/** What the requests of one side of an association (RFC 6525) may be, and the answers to them. */
export class Reconfigurations {
  readonly #name: string;
  #nextSequence: number;
  /** The last request, and whether it has no final answer yet. */
  #asked: ReconfigurationRequestOnWire | undefined;
  #isOpen: boolean = false;
  readonly #arrived: Map<number, ReconfigurationRequestOnWire> = new Map();
  #lastArrived: number | undefined;
  readonly #answers: Map<number, ReconfigurationResponseOnWire> = new Map();

  /** Requests are numbered from the initial TSN of the side that asks (section 4.1). */
  constructor(name: string, initialTsn: number) {
    this.#name = name;
    this.#nextSequence = initialTsn;
  }

  /** A request is sent; answers whether it is a new one. */
  sent(request: ReconfigurationRequestOnWire): boolean {
    const text = (): string => `${this.#name}: ${request.request} ${request.sequence}`;
    if (this.#asked?.sequence === request.sequence) {
      hold(this.#asked.content === request.content, "a request is repeated as it was", text);
      return false;
    }
    hold(
      !this.#isOpen,
      "one re-configuration request is in flight (RFC 6525 section 5.1.1)",
      () => `${text()}, ${this.#asked?.sequence} is not answered`,
    );
    hold(
      request.sequence === this.#nextSequence,
      "re-configuration requests are numbered one by one (RFC 6525 section 4.1)",
      () => `${text()}, expected ${this.#nextSequence}`,
    );
    this.#asked = request;
    this.#isOpen = true;
    this.#nextSequence = (request.sequence + 1) >>> 0;
    return true;
  }

  /** `from`, `to`: the highest TSN that its sender had used before and after the call that made the request. */
  checkLastTsn({ sequence, lastTsn }: ReconfigurationRequestOnWire, from: number, to: number): void {
    hold(
      steps(from, lastTsn) >= 0 && steps(lastTsn, to) >= 0,
      "an outgoing reset names the last TSN (RFC 6525 section 4.1)",
      () => `${this.#name}: ${sequence} says ${lastTsn}, last was ${from} to ${to}`,
    );
  }

  /** A request has reached the other side. */
  arrived(request: ReconfigurationRequestOnWire): void {
    this.#arrived.set(request.sequence, request);
    if (this.#lastArrived === undefined || steps(this.#lastArrived, request.sequence) > 0)
      this.#lastArrived = request.sequence;
  }

  /** The other side answers; returns the request where it is carried out by that. */
  responseSent(response: ReconfigurationResponseOnWire): ReconfigurationRequestOnWire | undefined {
    const { sequence, result } = response;
    const text = (): string => `${this.#name}: response ${sequence} with result ${result}`;
    const request = this.#arrived.get(sequence);
    hold(request !== undefined, "only requests that arrived are answered", text);
    const before = this.#answers.get(sequence);
    if (result === badSequenceNumber) {
      // What was answered may be forgotten once the next but one has come.
      hold(
        this.#lastArrived !== undefined && steps(sequence, this.#lastArrived) > 0,
        "a request in sequence has no bad sequence number",
        text,
      );
      return undefined;
    }
    const isFinal = before !== undefined && before.result !== inProgress;
    hold(!isFinal || before.content === response.content, "an answer stays what it was", text);
    this.#answers.set(sequence, response);
    return result === performed && !isFinal ? request : undefined;
  }

  /** An answer has reached the side that asked; returns the request where it was granted by that, or refused. */
  responseArrived(
    response: ReconfigurationResponseOnWire,
  ): { readonly request: ReconfigurationRequestOnWire; readonly granted: boolean } | undefined {
    const { sequence, result } = response;
    if (!this.#isOpen || this.#asked?.sequence !== sequence || result === inProgress) return undefined;
    this.#isOpen = false;
    return { request: this.#asked, granted: result === performed };
  }

  /** An outgoing reset of the other side, which has arrived, can be the answer to an incoming one (section 5.2.2, E1). */
  answeredByRequest(request: ReconfigurationRequestOnWire): void {
    if (request.request !== "outgoing" || this.#asked?.request !== "incoming") return;
    if (request.answers === this.#asked.sequence) this.#isOpen = false;
  }
}
