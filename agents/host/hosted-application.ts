import type { Application } from "../application/index.ts";
import { makeBuiltIn, parseApplication } from "../application/index.ts";
import { UserModule } from "./user-module.ts";

/** The application that an agent hosts: makes one for each association. */
export class HostedApplication {
  readonly make: () => Application;
  readonly #module: UserModule | undefined;

  private constructor(make: () => Application, module?: UserModule) {
    this.make = make;
    this.#module = module;
  }

  /**
   * By its name, or by the path of a module on this host; `isCluster` is the side that it runs on. Rejects
   * with one sentence for the operator.
   */
  static async load(text: string, isCluster: boolean): Promise<HostedApplication> {
    const parsed = parseApplication(text);
    if (!parsed.ok) throw new Error(parsed.reason);
    const { choice } = parsed;
    if (choice.kind === "built-in") {
      return new HostedApplication(() => makeBuiltIn(choice.name, isCluster));
    }
    const module = await UserModule.load(choice.path);
    return new HostedApplication(() => module.make(), module);
  }

  /** Whether an error that nobody caught was the module's own; then its applications have ended, and nothing else. */
  blame(error: unknown): boolean {
    return this.#module?.blame(error) === true;
  }
}
