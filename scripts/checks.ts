import { globSync } from "node:fs";
import { join } from "node:path";

/** One tool of `npm run check`. */
export interface Check {
  readonly name: string;
  readonly what: string;
  /** Arguments for Node, the tool's own script first. */
  readonly argv: readonly string[];
  /** Reads the tool's answer where the exit code is not enough. */
  readonly judge?: (
    root: string,
    stdout: string,
    code: number | null,
  ) => { readonly ok: boolean; readonly output: string };
}

const ROOMS = ["agents", "captures", "main", "renderer", "scripts", "test"] as const;

interface CruiseAnswer {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: {
    readonly violations: readonly {
      readonly from: string;
      readonly to: string;
      readonly rule: { readonly name: string };
    }[];
    readonly ruleSetUsed: {
      readonly forbidden: readonly { readonly name: string; readonly comment: string }[];
    };
  };
}

/**
 * Reads dependency-cruiser's JSON. It calls a tree clean when it could not parse it at all (which
 * happens with a TypeScript it does not know), so every source file on disk must be in its answer.
 */
function judgeCruise(root: string, stdout: string, code: number | null): { ok: boolean; output: string } {
  if (!stdout.startsWith("{"))
    return { ok: false, output: `${stdout}\ndependency-cruiser gave no answer (exit code ${code}).\n` };
  const answer = JSON.parse(stdout) as CruiseAnswer;
  const cruised = new Set(answer.modules.map((module) => module.source));
  const onDisk = ROOMS.flatMap((room) => globSync(`${room}/**/*.{ts,tsx}`, { cwd: root })).filter(
    (file) => !file.endsWith(".d.ts") && !file.startsWith(join("test", "fixtures")),
  );
  const missed = onDisk.filter((file) => !cruised.has(file));
  const comments = new Map(answer.summary.ruleSetUsed.forbidden.map(({ name, comment }) => [name, comment]));
  const lines = answer.summary.violations.map(
    ({ rule, from, to }) => `${rule.name}: ${from} -> ${to}\n  ${comments.get(rule.name)}`,
  );
  if (missed.length > 0 || onDisk.length === 0) {
    lines.push(
      `module-count: dependency-cruiser saw ${onDisk.length - missed.length} of ${onDisk.length} source files; ` +
        `missing: ${missed.slice(0, 5).join(", ")}. It answers "no violations" for what it cannot parse.`,
    );
  }
  return { ok: lines.length === 0, output: `${lines.join("\n")}\n` };
}

const tsc = "node_modules/@typescript/native/bin/tsc";

function typeCheck(project: string, what: string): Check {
  return {
    name: `types-${project}`,
    what,
    argv: [tsc, "--noEmit", "--pretty", "false", "-p", `tsconfig.${project}.json`],
  };
}

/** The checks, slowest first, so that two at a time end together. */
export const checks: readonly Check[] = [
  {
    name: "walls",
    what: "who may import whom (dependency-cruiser)",
    argv: [
      "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs",
      "--config",
      ".dependency-cruiser.cjs",
      "--output-type",
      "json",
      ...ROOMS,
    ],
    judge: judgeCruise,
  },
  {
    name: "dead-code",
    what: "files, exports and packages that nobody uses (knip)",
    argv: ["node_modules/knip/bin/knip.js", "--no-progress", "--no-config-hints"],
  },
  {
    name: "lint",
    what: "promises, switches, sorting, cycles, purity (oxlint)",
    argv: ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"],
  },
  typeCheck("test", "types of the tests"),
  typeCheck("node", "types of what runs on Node"),
  typeCheck("pure", "types of the PURE rooms, without Node and DOM"),
  typeCheck("dom", "types of the interface"),
  { name: "format", what: "layout of the source (oxfmt)", argv: ["node_modules/oxfmt/bin/oxfmt", "--check"] },
];
