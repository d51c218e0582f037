import { Agent } from "../../../agents/host/agent.ts";
import { HostClock } from "../../../agents/host/clock.ts";
import { loadNativeIo } from "../../../agents/host/native-io.ts";
import { Counters, nothingCounted } from "./counters.ts";
import type { Order, Report } from "./messages.ts";

/** A computer of the cluster, in a process of its own: the real agent, whose desk is the bench and reads no records. */
const counters = new Counters();
const say = (report: Report): void => void process.send?.(report);

const agent = new Agent(
  {
    send: (message) => {
      if (message.type === "ready") say({ report: "ready" });
      else if (message.type === "error") say({ report: "problem", text: message.message });
    },
    record: (records) => {
      for (const each of records) {
        if (each.kind !== "event") continue;
        if (each.name === "synchronised") say({ report: "synchronised" });
        if (each.name === "note" && each.text.endsWith("sending pauses")) say({ report: "paused" });
        if (each.name === "takeover-complete")
          say({ report: "took-over", tookMs: Number(each.detail["tookMs"]) });
      }
    },
  },
  new HostClock(),
  loadNativeIo(),
);

process.on("message", (order: Order) => {
  if (order.order === "sample") return say({ report: "sample", sample: counters.sample(nothingCounted) });
  if (order.order !== "handle") return;
  agent.handle(order.message).catch((error: unknown) => say({ report: "problem", text: String(error) }));
});
process.on("disconnect", () => process.exit(0));
say({ report: "started" });
