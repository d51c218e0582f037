import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

/** Calls `onLine` for each line of a stream; a line beyond `maxBytes` ends the stream with an error. */
export function readLines(stream: Readable, maxBytes: number, onLine: (line: string) => void): void {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  let length = 0;
  stream.on("data", (bytes: Buffer) => {
    let text = decoder.write(bytes);
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      parts.push(text.slice(0, end));
      text = text.slice(end + 1);
      const line = parts.join("");
      parts = [];
      length = 0;
      if (line.trim() !== "") onLine(line);
    }
    if (text === "") return;
    parts.push(text);
    length += text.length;
    if (length > maxBytes) stream.destroy(new Error(`a line is longer than ${maxBytes} bytes`));
  });
}
