import type { Answer, Args, DeskLink, RequestName } from "../../main/api/contract.ts";
import { pendingRequests } from "./pending.ts";

/** What the preload script puts into the page's world. */
export interface ShellBridge {
  /** Asks for a fresh MessagePort to the lab service; it arrives as a `message` event of the window. */
  requestPort(): void;
}

/** The name under which the port arrives; the preload script uses the same. */
const PORT_MESSAGE = "understudy-desk-port";

const LOST = "The lab service ended. Reload the window (Ctrl+R) to start it again.";

/** The desk in Electron's utility process, over a MessagePort. */
export function electronLink(bridge: ShellBridge): DeskLink {
  const pending = pendingRequests();
  const port = receivePort();
  bridge.requestPort();
  void port.then((open) => {
    open.addEventListener("message", (event: MessageEvent<unknown>) => {
      pending.receive(event.data);
    });
    open.addEventListener("close", () => {
      pending.failAll(LOST);
    });
    open.start();
  });
  return {
    async send<K extends RequestName>(name: K, args: Args<K>): Promise<Answer<K>> {
      const open = await port;
      return pending.send(name, args, (text) => {
        open.postMessage(text);
      });
    },
  };
}

function receivePort(): Promise<MessagePort> {
  return new Promise((resolve) => {
    const onMessage = (event: MessageEvent<unknown>): void => {
      const [port] = event.ports;
      if (event.source !== globalThis.window || event.data !== PORT_MESSAGE || port === undefined) return;
      globalThis.removeEventListener("message", onMessage);
      resolve(port);
    };
    globalThis.addEventListener("message", onMessage);
  });
}
