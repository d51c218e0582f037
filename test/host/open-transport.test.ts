import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadNativeIo } from "../../agents/host/native-io.ts";
import { NativeTransport } from "../../agents/host/native-transport.ts";
import { openTransport } from "../../agents/host/open-transport.ts";
import { UdpTransport } from "../../agents/host/udp-transport.ts";
import { noNative } from "./support/native.ts";

const address = "127.0.0.1";

describe("the choice of a transport", () => {
  it("is node:dgram without the addon, and no raw packets then", async () => {
    const native = loadNativeIo("/nowhere/understudy-io.node");
    if (native.ok) throw new Error("there is nothing to load");
    expect(native.reason).toMatch(/^the native addon \/nowhere\/understudy-io\.node cannot be loaded: /);
    const transport = await openTransport({ address, way: { udpPort: 0 } }, native);
    expect(transport).toBeInstanceOf(UdpTransport);
    transport.close();
    await expect(openTransport({ address, way: "raw" }, native)).rejects.toThrow(
      /^raw IP protocol 132 cannot be used: the native addon .* cannot be loaded/,
    );
  });

  it("says why a file is no addon", () => {
    const folder = mkdtempSync(join(tmpdir(), "understudy-addon-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "understudy-io.node");
    writeFileSync(path, "no ELF");
    expect(loadNativeIo(path)).toEqual({
      ok: false,
      reason: expect.stringMatching(/cannot be loaded: .*(ELF|too short)/) as string,
    });
  });

  it.skipIf(noNative !== undefined)(
    `is the addon where it loads${noNative ? ` (skipped: ${noNative})` : ""}`,
    async () => {
      const transport = await openTransport({ address, way: { udpPort: 0 } }, loadNativeIo());
      expect(transport).toBeInstanceOf(NativeTransport);
      transport.close();
      transport.close();
      transport.send([{ bytes: new Uint8Array(12), local: address, remote: address }]);
      expect(transport.counters.sent).toBe(0);
    },
  );
});
