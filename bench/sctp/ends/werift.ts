import { createSocket } from "node:dgram";
import { once } from "node:events";
import { SCTP, createUdpTransport } from "werift-sctp";
import type { OpenLink } from "./link.ts";
import { loopback, sctpPort } from "./link.ts";

/** So many chunks wait in its queue: it has no bound of its own, and with more it is slower (tried: 4, 16, 64, 128). */
const queuedChunks = 4;

export const openWerift: OpenLink = async ({ connects, ownPort, peerPort, onMessage }) => {
  const socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 20, sendBufferSize: 2 ** 20 });
  socket.bind(ownPort, loopback);
  await once(socket, "listening");
  const transport = createUdpTransport(socket, { address: loopback, port: peerPort });
  const sctp = connects ? SCTP.client(transport, sctpPort) : SCTP.server(transport, sctpPort);
  sctp.onReceive.subscribe((_stream, _ppid, data) => onMessage(data.length));
  const up = sctp.stateChanged.connected.asPromise().then(() => undefined);
  await sctp.start(sctpPort);
  return {
    link: {
      trySend: (payload) => {
        if (sctp.outboundQueue.length >= queuedChunks) return false;
        void sctp.send(0, 0, Buffer.from(payload.buffer, payload.byteOffset, payload.length));
        return true;
      },
      awaitRoom: (call) => sctp.flush.once(() => setImmediate(call)),
    },
    up,
  };
};
