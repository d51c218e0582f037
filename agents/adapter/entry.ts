import { enableCompileCache } from "node:module";

// A runner starts the adapter once a test: what Node compiled the last time is used again.
enableCompileCache();
const { serve } = await import("./serve.ts");
await serve();
