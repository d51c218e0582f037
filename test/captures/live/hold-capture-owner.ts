import { netnsRunner, startCapture, type EngineName } from "../../../captures/live/index.ts";

/** `hold-capture-owner.ts NAMESPACE INTERFACE ENGINE`: captures until it is killed. */
const [namespace = "", interfaceName = "", engine = ""] = process.argv.slice(2);
await startCapture({
  runner: netnsRunner(namespace),
  host: "near",
  interfaceName,
  filter: "udp",
  engine: engine as EngineName,
  onPacket: () => undefined,
  onNote: () => undefined,
});
process.stdout.write("capturing\n");
