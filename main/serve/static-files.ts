import { readFile } from "node:fs/promises";
import { join } from "node:path";

export interface StaticFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** All that is ever served. A path that is not a key here does not exist, whatever lies on the disk. */
const FILES: Readonly<Record<string, { readonly name: string; readonly contentType: string }>> = {
  "/": { name: "index.html", contentType: "text/html; charset=utf-8" },
  "/app.js": { name: "app.js", contentType: "text/javascript; charset=utf-8" },
  "/app.css": { name: "app.css", contentType: "text/css; charset=utf-8" },
};

/** The built interface, by path. Throws one clear sentence where it was not built. */
export async function loadStaticFiles(rendererDir: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  for (const [path, { name, contentType }] of Object.entries(FILES)) {
    const file = join(rendererDir, name);
    try {
      files.set(path, { bytes: new Uint8Array(await readFile(file)), contentType });
    } catch (error) {
      throw new Error(
        `The interface is not built: ${file} cannot be read. Run \`node scripts/build.ts renderer\`.`,
        {
          cause: error,
        },
      );
    }
  }
  return files;
}
