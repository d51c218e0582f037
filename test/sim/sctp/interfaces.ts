/** The addresses of one host, which come and go. */
export class Interfaces {
  /** All that it ever has: those of its configuration first. */
  readonly all: readonly string[];
  readonly #configured: readonly string[];
  readonly #up: Set<string>;

  constructor(configured: readonly string[], standby: readonly string[]) {
    this.#configured = configured;
    this.all = [...configured, ...standby];
    this.#up = new Set(configured);
  }

  isUp(address: string): boolean {
    return this.#up.has(address);
  }

  up(address: string): void {
    this.#up.add(address);
  }

  down(address: string): void {
    this.#up.delete(address);
  }

  /** What INIT and INIT ACK name works, whatever was taken out of an association before. */
  allConfiguredUp(): void {
    for (const address of this.#configured) this.#up.add(address);
  }

  /** Whether something works beside this address, of these. */
  hasOther(address: string, among: readonly string[]): boolean {
    return among.some((each) => each !== address && this.#up.has(each));
  }
}
