import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checks } from "../../scripts/checks.ts";
import { copyHouse } from "./house-copy.ts";
import type { HouseCopy } from "./house-copy.ts";

/** A file that breaks one wall, and the words with which its check must name the breach. */
interface Breach {
  readonly rule: string;
  readonly file: string;
  readonly text: string;
}

const TARGET = "export const planted = 1;\n";

/** `from` imports a file that really exists in `to`. */
function importing(rule: string, from: string, to: string): Breach {
  const number = breachNumber++;
  const up = "../".repeat(from.split("/").length);
  const file = `${from}/planted-${number}.ts`;
  return {
    rule,
    file,
    text: `import { planted } from "${up}${to}";\nexport const used${number}: number = planted;\n`,
  };
}

/** `from` imports something by its package name; type-only imports count like others. */
function importingPackage(rule: string, from: string, name: string): Breach {
  const number = breachNumber++;
  const file = `${from}/planted-${number}.ts`;
  return {
    rule,
    file,
    text: `import type * as Taken from "${name}";\nexport type Used${number} = typeof Taken;\n`,
  };
}

let breachNumber = 0;

const planted = (room: string): string => `${room}/planted-target.ts`;

const FORBIDDEN_IMPORTS: readonly Breach[] = [
  ["agents/sctp", "agents/replica"],
  ["agents/sctp", "agents/control"],
  ["agents/sctp", "captures/format"],
  ["agents/replica", "agents/host"],
  ["agents/replica", "captures/verdict"],
  ["agents/application", "agents/replica"],
  ["agents/control", "agents/sctp"],
  ["agents/adapter", "agents/host"],
  ["agents/adapter", "agents/control"],
  ["agents/host", "agents/adapter"],
  ["agents/host", "main/deploy"],
  ["agents/host", "captures/live"],
  ["captures/format", "agents/sctp/base"],
  ["captures/dissect", "captures/verdict"],
  ["captures/verdict", "main/store"],
  ["captures/live", "main/lab"],
  ["main/api", "main/store"],
  ["main/deploy", "main/lab"],
  ["main/store", "main/lab"],
  ["main/replay", "main/lab"],
  ["main/serve", "main/store"],
  ["main/lab", "agents/host"],
  ["main/lab", "main/cli"],
  ["main/cli", "renderer/model"],
  ["main/cli", "agents/host"],
  ["main/electron", "renderer/link"],
  ["main/electron", "agents/host"],
  ["renderer", "main/store"],
  ["renderer", "captures/live"],
  ["renderer", "agents/host"],
  ["scripts", "main/lab"],
].map(([from = "", to = ""]) => importing(`room-${from.replace("/", "-")}`, from, planted(to)));

const LAYER_BREACHES: readonly Breach[] = [
  ["base", "wire"],
  ["wire", "timer"],
  ["timer", "rx"],
  ["rx", "tx"],
  ["tx", "path"],
  ["path", "association"],
  ["association", "endpoint"],
  ["endpoint", "socket"],
].map(([from, to]) => importing(`sctp-layer-${from}`, `agents/sctp/${from}`, planted(`agents/sctp/${to}`)));

const DOOR_BREACHES: readonly Breach[] = [
  importing("door-agents-sctp", "agents/host", planted("agents/sctp/wire")),
  importing("door-agents-sctp", "agents/replica", planted("agents/sctp/association")),
  importing("door-agents-sctp-wire", "captures/dissect", planted("agents/sctp/wire")),
  importing("door-agents-sctp-wire", "captures/verdict", planted("agents/sctp/endpoint")),
  importing("door-agents-application", "agents/host", planted("agents/application")),
  importing("door-agents-replica", "agents/host", planted("agents/replica")),
  importing("door-captures-format", "captures/dissect", planted("captures/format")),
  importing("door-captures-dissect", "captures/verdict", planted("captures/dissect")),
  importing("door-captures-verdict", "main/store", planted("captures/verdict")),
  importing("door-captures-live", "main/lab", planted("captures/live")),
  importing("door-main-deploy", "main/lab", planted("main/deploy")),
  importing("door-main-store", "main/cli", planted("main/store")),
  importing("door-main-replay", "main/cli", planted("main/replay")),
  importing("door-main-serve", "main/cli", planted("main/serve")),
  importing("door-main-lab-virtual", "main/cli", planted("main/lab/virtual")),
  importing("nobody-imports-test", "main/lab", planted("test/support")),
];

const PACKAGE_BREACHES: readonly Breach[] = [
  importingPackage("home-cap", "main/lab", "cap"),
  importingPackage("home-ssh2", "main/cli", "ssh2"),
  importingPackage("home-better-sqlite3", "main/lab", "better-sqlite3"),
  importingPackage("home-electron", "main/cli", "electron"),
  importingPackage("home-ws", "main/cli", "ws"),
  importingPackage("pure-packages", "agents/replica", "yaml"),
  importingPackage("pure-without-node", "captures/verdict", "node:fs"),
  importingPackage("renderer-packages", "renderer", "zod"),
  importingPackage("renderer-without-node", "renderer", "node:path"),
  importingPackage("not-found", "main/lab", "no-such-package-anywhere"),
];

const LINT_BREACHES: readonly Breach[] = [
  ["typescript(no-floating-promises)", "main/lab", "export function f(): void {\n  Promise.resolve(1);\n}\n"],
  [
    "typescript(switch-exhaustiveness-check)",
    "agents/sctp",
    'export function f(v: "a" | "b"): number {\n  switch (v) {\n    case "a":\n      return 1;\n  }\n  return 2;\n}\n',
  ],
  [
    "typescript(require-array-sort-compare)",
    "captures/verdict",
    "export const f = (n: number[]): number[] => n.sort();\n",
  ],
  [
    "typescript(require-array-sort-compare)",
    "renderer",
    "export const f = (n: string[]): string[] => n.toSorted();\n",
  ],
  ["typescript(no-explicit-any)", "main/store", "export const f = (v: any): unknown => v;\n"],
  ["eslint(no-restricted-globals)", "agents/sctp", "export const f = (): number => Date.now();\n"],
  ["eslint(no-restricted-globals)", "captures/format", "export const f = (): Date => new Date(0);\n"],
  ["eslint(no-restricted-globals)", "renderer", "export const f = (): unknown => process;\n"],
  ["eslint(no-restricted-properties)", "agents/replica", "export const f = (): number => Math.random();\n"],
  ...[
    "performance",
    "setTimeout",
    "setInterval",
    "queueMicrotask",
    "console",
    "crypto",
    "process",
    "Buffer",
  ].map((name) => [
    "eslint(no-restricted-globals)",
    "main/api",
    `export const f = (): unknown => ${name};\n`,
  ]),
].map(([rule = "", room = "", text = ""], index) => ({
  rule,
  file: `${room}/planted-lint-${index}.ts`,
  text,
}));

const CYCLE: readonly Breach[] = [
  {
    rule: "import(no-cycle)",
    file: "main/lab/planted-there.ts",
    text: 'import type { Back } from "./planted-back.ts";\nexport interface There {\n  readonly back?: Back;\n}\n',
  },
  {
    rule: "import(no-cycle)",
    file: "main/lab/planted-back.ts",
    text: 'import type { There } from "./planted-there.ts";\nexport interface Back {\n  readonly there?: There;\n}\n',
  },
];

const TYPE_BREACHES: Readonly<Record<string, readonly Breach[]>> = {
  "types-pure": [
    {
      rule: "TS2591",
      file: "agents/sctp/base/planted-type.ts",
      text: "export const a: number = Buffer.length;\n",
    },
    {
      rule: "TS2304",
      file: "captures/dissect/planted-type.ts",
      text: "export const a: unknown = setTimeout;\n",
    },
    { rule: "TS2591", file: "main/api/planted-type.ts", text: 'import "node:fs";\nexport const a = 1;\n' },
    { rule: "TS2584", file: "agents/replica/planted-type.ts", text: "export const a: unknown = document;\n" },
  ],
  "types-node": [
    { rule: "TS2584", file: "main/lab/planted-type.ts", text: "export const a: unknown = document;\n" },
    {
      rule: "TS2532",
      file: "agents/host/planted-type.ts",
      text: "export const first = (list: number[]): number => list[0].valueOf();\n",
    },
  ],
  "types-dom": [
    { rule: "TS2322", file: "renderer/planted-type.ts", text: "export const a: number = document;\n" },
  ],
  "types-test": [
    { rule: "TS2322", file: "test/support/planted-type.ts", text: 'export const a: number = "one";\n' },
  ],
};

const TARGETS = new Set(
  [...FORBIDDEN_IMPORTS, ...LAYER_BREACHES, ...DOOR_BREACHES].flatMap(
    ({ text }) => /"(?:\.\.\/)+(.*\/planted-target\.ts)"/.exec(text)?.[1] ?? [],
  ),
);

/** Front doors that the door walls need; planted only where the room has none yet. */
const DOORS = DOOR_BREACHES.flatMap(({ rule, text }) => {
  const room = /"(?:\.\.\/)+(.*)\/planted-target\.ts"/.exec(text)?.[1];
  return rule.startsWith("door-") && room !== undefined ? [`${room}/index.ts`] : [];
});

/** True when the file stands below the name of the rule, in the same section of the tool's answer. */
function names(output: string, { rule, file }: Breach): boolean {
  const lines = output.split("\n");
  return lines.some((line, at) => {
    if (!line.includes(rule)) return false;
    // knip and oxfmt name the rule once and list the files under it; the others name both for each breach.
    const isHeading = /^\s*(Unused|Unlisted|Checking)/.test(line);
    const end = isHeading
      ? lines.findIndex((other, row) => row > at && /^\s*(Un|Format)/.test(other))
      : at + 4;
    return lines
      .slice(at, end === -1 ? lines.length : end)
      .join("\n")
      .includes(file);
  });
}

const BREACHES: Readonly<Record<string, readonly Breach[]>> = {
  walls: [...FORBIDDEN_IMPORTS, ...LAYER_BREACHES, ...DOOR_BREACHES, ...PACKAGE_BREACHES],
  lint: [...LINT_BREACHES, ...CYCLE],
  ...TYPE_BREACHES,
  "dead-code": [
    { rule: "Unused files", file: "main/lab/planted-dead.ts", text: TARGET },
    {
      rule: "Unlisted dependencies",
      file: "scripts/planted-unlisted.ts",
      text: 'import "left-pad";\nimport { used } from "../main/lab/planted-half-used.ts";\nconsole.log(used);\n',
    },
    {
      rule: "Unused exports",
      file: "main/lab/planted-half-used.ts",
      text: "export const used = 1;\nexport const leftOver = 2;\n",
    },
  ],
  format: [{ rule: "Checking formatting", file: "agents/planted-crooked.ts", text: "export   const a=1\n" }],
};

/** What one check said: its own line and what follows it, up to the next check. */
function section(output: string, checkName: string): string {
  const parts = output.split(/^(?=(?:ok|FAIL) +[a-z-]+ )/m);
  return parts.find((part) => part.split(/ +/)[1] === checkName) ?? "";
}

describe("with every wall broken", () => {
  let copy: HouseCopy;
  let output: string;
  beforeAll(async () => {
    copy = copyHouse();
    for (const target of TARGETS) copy.plant(target, TARGET);
    for (const door of DOORS) if (!existsSync(join(copy.folder, door))) copy.plant(door, "export {};\n");
    for (const { file, text } of Object.values(BREACHES).flat()) copy.plant(file, text);
    output = (await copy.check()).output;
  }, 120_000);
  afterAll(() => copy.remove());

  describe.each(Object.entries(BREACHES))("%s", (checkName, breaches) => {
    test("fails", () => expect(section(output, checkName)).toMatch(/^FAIL /));
    test.each(breaches)("names $rule for $file", (breach) => {
      const said = section(output, checkName);
      expect(names(said, breach), said.slice(0, 20_000)).toBe(true);
    });
  });
});

describe("the untouched copy", () => {
  test("passes every check", { timeout: 120_000 }, async () => {
    const copy = copyHouse();
    try {
      const answer = await copy.check();
      expect(answer.output).not.toContain("FAIL");
      expect(answer.ok).toBe(true);
    } finally {
      copy.remove();
    }
  });
});

test("a cruise that saw no module is not taken for a clean one", () => {
  const walls = checks.find((check) => check.name === "walls");
  const root = join(import.meta.dirname, "../..");
  expect(existsSync(join(root, "scripts/checks.ts"))).toBe(true);
  const answer = walls?.judge?.(
    root,
    JSON.stringify({ modules: [], summary: { violations: [], ruleSetUsed: { forbidden: [] } } }),
    0,
  );
  expect(answer?.ok).toBe(false);
  expect(answer?.output).toContain("module-count");
});
