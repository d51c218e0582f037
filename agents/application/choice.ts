import type { Application } from "./application.ts";
import { EchoApplication } from "./echo.ts";
import { NumberedApplication } from "./numbered.ts";
import { Requester } from "./requester.ts";
import { Responder } from "./responder.ts";
import { SinkApplication } from "./sink.ts";
import { StreamChecker } from "./stream-checker.ts";

/** `numbered` is the source, which on the outside computer sends `down` messages back besides. */
export const builtInApplications = [
  "numbered",
  "echo",
  "source",
  "sink",
  "requester",
  "responder",
  "checker",
] as const;
export type BuiltInApplication = (typeof builtInApplications)[number];

/** Which application an agent hosts: a built-in one, or a user's module on the agent's host. */
export type ApplicationChoice =
  | { readonly kind: "built-in"; readonly name: BuiltInApplication }
  | { readonly kind: "module"; readonly path: string };

export type ParsedApplication =
  | { readonly ok: true; readonly choice: ApplicationChoice }
  /** `reason` is one sentence for the operator. */
  | { readonly ok: false; readonly reason: string };

/** Reads the name of a built-in application, or the path of a module. */
export function parseApplication(text: string): ParsedApplication {
  const name = builtInApplications.find((each) => each === text);
  if (name !== undefined) return { ok: true, choice: { kind: "built-in", name } };
  if (/\.(mjs|js|mts|ts)$/.test(text)) return { ok: true, choice: { kind: "module", path: text } };
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
  const known = builtInApplications.join(", ");
  return {
    ok: false,
    reason: `There is no application ${shown}: write one of ${known}, or the path of a module (.mjs, .js, .ts).`,
  };
}

/** A built-in application for one more association; `cluster` is the side that it runs on. */
export function makeBuiltIn(name: BuiltInApplication, cluster: boolean): Application {
  const source = cluster ? "down" : "up";
  switch (name) {
    case "numbered":
      return new NumberedApplication(source, !cluster);
    case "source":
      return new NumberedApplication(source);
    case "echo":
      return new EchoApplication();
    case "sink":
      return new SinkApplication();
    case "requester":
      return new Requester();
    case "responder":
      return new Responder();
    case "checker":
      return new StreamChecker();
  }
}
