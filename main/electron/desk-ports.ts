import type { MessageEvent, MessagePortMain, ParentPort } from "electron";
import type { DeskLink } from "../api/contract.ts";
import { answerRequest } from "../serve/index.ts";

/** Answers the desk's requests on every port that the main process hands over. */
export function hostDesk(
  parent: Pick<ParentPort, "on">,
  desk: DeskLink,
  onError: (error: unknown) => void,
): void {
  parent.on("message", ({ ports }: MessageEvent) => {
    for (const port of ports) converse(port, desk, onError);
  });
}

function converse(port: MessagePortMain, desk: DeskLink, onError: (error: unknown) => void): void {
  let open = true;
  port.on("close", () => {
    open = false;
  });
  port.on("message", ({ data }) => {
    void answerRequest(desk, String(data), onError).then((reply) => {
      if (open) port.postMessage(JSON.stringify(reply));
    });
  });
  port.start();
}
