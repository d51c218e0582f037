import type { Checker, Finding } from "../checker.ts";
import type { Scene } from "../scene.ts";
import { isDialogue } from "../scene.ts";
import { judgeDeliveries } from "./judge-deliveries.ts";

function examine(scene: Scene): Finding {
  return judgeDeliveries(scene, ({ flow, streamId, deliveries }, violations) => {
    const seen = new Set<number>();
    let highest = -1;
    for (const { number, at, host } of deliveries) {
      // A second copy is a duplicate, not a message out of order.
      if (seen.has(number)) continue;
      seen.add(number);
      if (number < highest) {
        violations.add({
          text: `flow ${flow}, stream ${streamId}: number ${number} delivered after ${highest}`,
          atUs: at,
          host,
        });
      }
      highest = Math.max(highest, number);
    }
    return seen.size;
  });
}

export const messagesReordered: Checker = {
  id: "messages-reordered",
  title: "Messages out of order within their stream",
  rule: "RFC 9260 section 6.6: ordered delivery within a stream",
  applies: (scene) => !isDialogue(scene),
  examine,
};
