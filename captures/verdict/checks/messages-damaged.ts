import type { Checker, Finding } from "../checker.ts";
import { streamKey } from "../deliveries.ts";
import type { Scene } from "../scene.ts";
import { isDialogue } from "../scene.ts";
import { judgeDeliveries } from "./judge-deliveries.ts";

function examine(scene: Scene): Finding {
  const numbered = new Map(
    scene.history.totals.map((total) => [streamKey(total.flow, total.streamId), total.sent]),
  );
  return judgeDeliveries(scene, ({ flow, streamId, deliveries }, violations) => {
    const sent = numbered.get(streamKey(flow, streamId));
    for (const { number, at, host, intact } of deliveries) {
      const where = `flow ${flow}, stream ${streamId}, number ${number}`;
      if (!intact) violations.add({ text: `${where}: checksum does not match`, atUs: at, host });
      else if (sent !== undefined && number >= sent) {
        violations.add({ text: `${where}: delivered, but only ${sent} were sent`, atUs: at, host });
      }
    }
    return deliveries.length;
  });
}

export const messagesDamaged: Checker = {
  id: "messages-damaged",
  title: "Messages damaged or never sent",
  rule: "RFC 9260 sections 6.8 and 6.9: a message is delivered as it was sent",
  applies: (scene) => !isDialogue(scene),
  examine,
};
