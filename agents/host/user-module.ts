import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ApplicationModule, ApplicationModuleExport } from "../application/index.ts";
import { ModuleApplication, ModuleFault, failureText, makeModule } from "../application/index.ts";

/** Stands where a module could not be made: the application has failed before it was called. */
const absentModule: ApplicationModule = {
  onMessage: () => undefined,
  snapshot: () => new Uint8Array(0),
  restore: () => undefined,
};

/** A user's application module from a file on this host; it runs in the agent's process. */
export class UserModule {
  readonly #path: string;
  readonly #url: string;
  readonly #exported: ApplicationModuleExport;
  #made: WeakRef<ModuleApplication>[] = [];

  private constructor(path: string, url: string, exported: ApplicationModuleExport) {
    this.#path = path;
    this.#url = url;
    this.#exported = exported;
  }

  /** Loads it and tries whether it can be one. Rejects with one sentence for the operator. */
  static async load(path: string): Promise<UserModule> {
    const url = pathToFileURL(resolve(path)).href;
    const exported = await importDefault(path, url);
    const tried = makeModule(exported);
    if (!tried.ok) throw new Error(`the application ${path} cannot be used: ${tried.reason}`);
    return new UserModule(path, url, exported);
  }

  /** The application for one more association; where the module makes none, one that has failed already. */
  make(): ModuleApplication {
    const made = makeModule(this.#exported);
    const application = new ModuleApplication(this.#path, made.ok ? made.module : absentModule);
    if (!made.ok) application.fail(new ModuleFault(made.reason));
    this.#made = [...this.#made.filter((each) => each.deref() !== undefined), new WeakRef(application)];
    return application;
  }

  /**
   * An error that nobody caught: where it comes from code that the module started itself, a timer for example,
   * that is the end of its applications, and of nothing else. Answers whether it was that.
   */
  blame(error: unknown): boolean {
    if (!this.#isFaultOf(error)) return false;
    for (const each of this.#made) each.deref()?.fail(error);
    return true;
  }

  #isFaultOf(error: unknown): boolean {
    if (!(error instanceof Error) || error.stack === undefined) return false;
    return error.stack.includes(this.#url) || error.stack.includes(fileURLToPath(this.#url));
  }
}

async function importDefault(path: string, url: string): Promise<ApplicationModuleExport> {
  let module: { readonly default?: unknown };
  try {
    module = (await import(url)) as { readonly default?: unknown };
  } catch (error) {
    const text = `the application ${path} cannot be loaded on this host: ${failureText(error)}`;
    throw new Error(text, { cause: error });
  }
  if (module.default === undefined) throw new Error(`the application ${path} has no default export`);
  // What it is worth is found out by `makeModule`.
  return module.default as ApplicationModuleExport;
}
