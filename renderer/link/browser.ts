import type { Answer, Args, DeskLink, RequestName } from "../../main/api/contract.ts";
import { pendingRequests, type PendingRequests } from "./pending.ts";

/** The desk behind `understudy serve`, over the WebSocket of the page's own origin. */
export function browserLink(url: string): DeskLink {
  let connecting: Promise<Connection> | undefined;
  const connection = (): Promise<Connection> => {
    connecting ??= connect(url, () => {
      connecting = undefined;
    });
    return connecting;
  };
  return {
    async send<K extends RequestName>(name: K, args: Args<K>): Promise<Answer<K>> {
      const { socket, pending } = await connection();
      return pending.send(name, args, (text) => {
        socket.send(text);
      });
    },
  };
}

interface Connection {
  readonly socket: WebSocket;
  readonly pending: PendingRequests;
}

const LOST =
  "The connection to the desk was lost. Retry; if Understudy was started again, open the new address that it printed.";

function connect(url: string, onLost: () => void): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const pending = pendingRequests();
    socket.addEventListener("open", () => {
      resolve({ socket, pending });
    });
    socket.addEventListener("message", (event: MessageEvent<unknown>) => {
      pending.receive(event.data);
    });
    socket.addEventListener("close", () => {
      onLost();
      pending.failAll(LOST);
      reject(new Error(LOST));
    });
  });
}
