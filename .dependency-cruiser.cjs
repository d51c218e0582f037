/**
 * The walls of the house: who may import whom. Each wall is one rule whose name says what was
 * broken. Type-only imports count like all others (tsPreCompilationDeps).
 */
const { existsSync } = require("node:fs");
const { join } = require("node:path");

const ROOMS_ROOT = "^(agents|captures|main|renderer|scripts|test)/";
const PURE = "^(agents/(sctp|replica|application|control)|captures/(format|dissect|verdict)|main/api)/";

/** What a room may import besides itself; whole rooms here, front doors are a wall of their own. */
const MAY_IMPORT = {
  "agents/sctp": [],
  "agents/application": ["agents/sctp", "agents/control"],
  "agents/replica": ["agents/sctp", "agents/application", "agents/control"],
  "agents/control": [],
  "agents/host": ["agents/(sctp|application|replica|control)"],
  "agents/adapter": ["agents/sctp"],
  "captures/format": [],
  "captures/dissect": ["agents/sctp", "agents/control", "captures/format"],
  "captures/verdict": ["agents/sctp", "agents/control", "captures/format", "captures/dissect"],
  "captures/live": ["agents/control", "captures/(format|dissect|verdict)"],
  "main/api": ["agents/(sctp|application|replica|control)", "captures/(format|dissect|verdict)"],
  "main/deploy": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict|live)",
    "main/api",
  ],
  "main/replay": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict)",
    "main/(api|store)",
  ],
  "main/store": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict)",
    "main/api",
  ],
  "main/serve": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict)",
    "main/api",
  ],
  "main/lab": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict|live)",
    "main/(api|deploy|store|replay)",
  ],
  "main/cli": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict|live)",
    "main/(api|deploy|store|replay|serve|lab)",
  ],
  "main/electron": [
    "agents/(sctp|application|replica|control)",
    "captures/(format|dissect|verdict|live)",
    "main/(api|deploy|store|replay|serve|lab)",
  ],
  renderer: ["agents/(sctp|application|replica|control)", "captures/(format|dissect|verdict)", "main/api"],
  scripts: [],
};

const roomWalls = Object.entries(MAY_IMPORT).map(([room, others]) => ({
  name: `room-${room.replace("/", "-")}`,
  comment: `${room}/ imports only itself${others.length > 0 ? ` and ${others.join(", ")}` : ""}.`,
  severity: "error",
  from: { path: `^${room}/` },
  to: { path: ROOMS_ROOT, pathNot: [`^${room}/`, ...others.map((other) => `^${other}/`)] },
}));

/** The layers inside sctp, innermost first; a layer imports those before it and its own files. */
const SCTP_LAYERS = [
  ["base"],
  ["wire"],
  ["timer"],
  ["rx", "tx", "path"],
  ["association"],
  ["endpoint"],
  ["socket"],
];

const sctpWalls = SCTP_LAYERS.flatMap((layer, depth) =>
  layer.map((name) => ({
    name: `sctp-layer-${name}`,
    comment: "Inside sctp: base <- wire <- timer <- rx, tx, path <- association <- endpoint <- socket.",
    severity: "error",
    from: { path: `^agents/sctp/${name}/` },
    to: {
      path: "^agents/sctp/",
      pathNot: [name, ...SCTP_LAYERS.slice(0, depth).flat()].map((inner) => `^agents/sctp/${inner}/`),
    },
  })),
);

/** Files that are contracts between rooms and may be imported past the front door. */
const CONTRACTS = [
  "^agents/control/",
  "^captures/verdict/(history|report)\\.ts$",
  "^captures/dissect/summary\\.ts$",
  "^captures/live/process-runner\\.ts$",
  "^main/api/",
];

const ROOMS_WITH_DOOR = [
  "agents/application",
  "agents/replica",
  "captures/format",
  "captures/dissect",
  "captures/verdict",
  "captures/live",
  "main/deploy",
  "main/store",
  "main/replay",
  "main/serve",
  "main/lab",
  "main/lab/virtual",
  "main/lab/testbed",
  "main/lab/faults",
].filter((room) => existsSync(join(__dirname, room, "index.ts")));

const doorWalls = ROOMS_WITH_DOOR.map((room) => ({
  name: `door-${room.replaceAll("/", "-")}`,
  comment: `Outsiders enter ${room}/ by its index.ts.`,
  severity: "error",
  from: { pathNot: [`^${room}/`, "^test/"] },
  to: { path: `^${room}/`, pathNot: [`^${room}/index\\.ts$`, `^${room}/[^/]+/index\\.ts$`, ...CONTRACTS] },
}));

/** Packages that have one home; tests may use them too. */
const HOMES = {
  cap: "^captures/live/",
  ssh2: "^main/(deploy|lab/virtual)/",
  "better-sqlite3": "^main/store/",
  electron: "^main/electron/",
  ws: "^main/serve/",
};

const homeWalls = Object.entries(HOMES).map(([name, home]) => ({
  name: `home-${name}`,
  comment: `The package ${name} is used only in its home.`,
  severity: "error",
  from: { path: ROOMS_ROOT, pathNot: [home, "^test/"] },
  to: { path: `(^|/)node_modules/(@types/)?${name}/|^${name}$` },
}));

const npmPackages = (...names) => names.map((name) => `(^|/)node_modules/(@types/)?${name}/`);

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "not-found",
      comment: "Every import must resolve, or the other walls cannot see through it.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "nobody-imports-test",
      comment: "Product code and scripts never import tests.",
      severity: "error",
      from: { pathNot: "^test/" },
      to: { path: "^test/" },
    },
    {
      name: "pure-without-node",
      comment: "PURE rooms use no module of Node.",
      severity: "error",
      from: { path: PURE },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "pure-packages",
      comment: "PURE rooms use no package but pure ones: @noble/hashes, cborg, zod.",
      severity: "error",
      from: { path: PURE },
      to: { path: "node_modules", pathNot: npmPackages("@noble/hashes", "cborg", "zod") },
    },
    {
      name: "renderer-without-node",
      comment: "The renderer runs in a browser.",
      severity: "error",
      from: { path: "^renderer/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "renderer-packages",
      comment: "The renderer uses react, react-dom, d3 and @tanstack only.",
      severity: "error",
      from: { path: "^renderer/" },
      to: {
        path: "node_modules",
        pathNot: npmPackages("react", "react-dom", "d3", "d3-[a-z]+", "@tanstack/[a-z-]+"),
      },
    },
    {
      name: "door-agents-sctp",
      comment:
        "Outsiders enter sctp by its index.ts (assert.ts is everyone's); captures by wire/index.ts or base/.",
      severity: "error",
      from: { pathNot: ["^agents/sctp/", "^captures/", "^test/"] },
      to: { path: "^agents/sctp/", pathNot: "^agents/sctp/(index|base/assert)\\.ts$" },
    },
    {
      name: "door-agents-sctp-wire",
      comment: "captures enters sctp by wire/index.ts or base/, never by the protocol's machinery.",
      severity: "error",
      from: { path: "^captures/" },
      to: { path: "^agents/sctp/", pathNot: "^agents/sctp/(wire/index\\.ts$|base/)" },
    },
    ...roomWalls,
    ...sctpWalls,
    ...doorWalls,
    ...homeWalls,
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, "tsconfig.json") },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
      extensions: [".ts", ".tsx", ".mts", ".mjs", ".cjs", ".js", ".json", ".d.ts"],
    },
  },
};
