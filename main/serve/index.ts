export { contentSecurityPolicy } from "./headers.ts";
export { answerRequest, type Reply } from "./requests.ts";
export { serveDesk, type ServedDesk, type ServeOptions } from "./server.ts";
export { loadStaticFiles, type StaticFile } from "./static-files.ts";
