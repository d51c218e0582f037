import type { AgentStatus } from "../control/index.ts";
import type { OutsideInstance } from "../replica/index.ts";
import { Member } from "../replica/index.ts";

/** What an agent says of itself when the desk asks. */
export function statusOf(
  id: number,
  instance: Member | OutsideInstance | undefined,
  isKeeper: boolean,
): AgentStatus {
  if (instance === undefined) {
    const role = isKeeper ? "keeper" : "idle";
    return { type: "status", id, role, associated: false, drained: true, totals: [] };
  }
  if (instance instanceof Member) {
    const { totals, drained, associated } = instance.status();
    const role = instance.active === undefined ? "secondary" : "primary";
    return { type: "status", id, role, associated, drained, totals: [...totals] };
  }
  const { totals, drained } = instance.status();
  return { type: "status", id, role: "peer", associated: instance.associated, drained, totals: [...totals] };
}
