import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { ApplicationModuleExport } from "../application/index.ts";
import { ModuleApplication, failureText, makeModule } from "../application/index.ts";

/** A user's application module from a file on this host; it runs in the agent's process. */
export class UserModule {
  readonly #path: string;
  readonly #url: string;
  readonly #exported: ApplicationModuleExport;

  private constructor(path: string, url: string, exported: ApplicationModuleExport) {
    this.#path = path;
    this.#url = url;
    this.#exported = exported;
  }

  /** Loads it and tries whether it can be one. Rejects with one sentence for the operator. */
  static async load(path: string): Promise<UserModule> {
    const url = pathToFileURL(resolve(path)).href;
    const module = new UserModule(path, url, await importDefault(path, url));
    module.make();
    return module;
  }

  /** The application for one more association. Throws an Error with one sentence where the module makes none. */
  make(): ModuleApplication {
    const made = makeModule(this.#exported);
    if (!made.ok) throw new Error(`the application ${this.#path} cannot be used: ${made.reason}`);
    return new ModuleApplication(this.#path, made.module);
  }

  /** Whether an error that nobody caught comes from code that the module started itself, a timer for example. */
  isFaultOf(error: unknown): boolean {
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
