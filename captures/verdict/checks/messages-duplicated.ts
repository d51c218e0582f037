import type { Checker, Finding } from "../checker.ts";
import type { Scene } from "../scene.ts";
import { isDialogue } from "../scene.ts";
import { judgeDeliveries } from "./judge-deliveries.ts";

function examine(scene: Scene): Finding {
  return judgeDeliveries(scene, ({ flow, streamId, deliveries }, violations) => {
    const seen = new Set<number>();
    for (const { number, at, host, sequence } of deliveries) {
      if (!seen.has(number)) {
        seen.add(number);
        continue;
      }
      const by = sequence === undefined ? "" : ` by update ${sequence}`;
      violations.add({
        text: `flow ${flow}, stream ${streamId}: number ${number} delivered again${by}`,
        atUs: at,
        host,
      });
    }
    return seen.size;
  });
}

export const messagesDuplicated: Checker = {
  id: "messages-duplicated",
  title: "Messages duplicated",
  rule: "RFC 9260 section 6.2: a duplicate DATA chunk is discarded; each message is delivered exactly once",
  applies: (scene) => !isDialogue(scene),
  examine,
};
