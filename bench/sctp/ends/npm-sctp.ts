import { createSocket } from "node:dgram";
import { once } from "node:events";
import sctp from "sctp";
import type { OpenLink } from "./link.ts";
import { loopback, sctpPort } from "./link.ts";

export const openNpmSctp: OpenLink = async ({ connects, ownPort, peerPort, onMessage }) => {
  const udp = createSocket({ type: "udp4", recvBufferSize: 2 ** 20, sendBufferSize: 2 ** 20 });
  udp.bind(ownPort, loopback);
  await once(udp, "listening");
  udp.connect(peerPort, loopback);
  await once(udp, "connect");
  const socket = sctp.connect({
    passive: !connects,
    localPort: sctpPort,
    port: sctpPort,
    udpTransport: udp,
    OS: 1,
    MIS: 1,
    // Its receive window, which the largest message must fit into.
    readableHighWaterMark: 512 * 1024,
  });
  socket.on("data", (data) => onMessage(data.length));
  const up = once(socket, "connect").then(() => undefined);
  let isFull = false;
  return {
    link: {
      trySend: (payload) => {
        if (isFull) return false;
        isFull = !socket.write(Buffer.from(payload.buffer, payload.byteOffset, payload.length));
        return true;
      },
      awaitRoom: (call) =>
        socket.once("drain", () => {
          isFull = false;
          setImmediate(call);
        }),
    },
    up,
  };
};
