import { randomBytes } from "node:crypto";
import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import { loadNativeIo } from "../../../agents/host/native-io.ts";
import { NativeTransport } from "../../../agents/host/native-transport.ts";
import type { PacketTransport } from "../../../agents/host/packet-transport.ts";
import { hostRandom } from "../../../agents/host/random.ts";
import { UdpTransport } from "../../../agents/host/udp-transport.ts";
import { Endpoint, rfc9260Parameters } from "../../../agents/sctp/index.ts";
import type { Link, LinkOptions, OpenLink } from "./link.ts";
import { loopback, packetBytes, sctpPort } from "./link.ts";

const parameters = { ...rfc9260Parameters, packetSizeBytes: packetBytes };
/** Refilled when the send buffer is half empty. */
const refillBytes = parameters.sendBufferBytes / 2;

/** Our stack as an application uses it: the endpoint's defaults, driven by the host's event loop. */
export const openOverDgram: OpenLink = async (options) =>
  openOver(
    options,
    await UdpTransport.open({
      address: loopback,
      udpPort: options.ownPort,
      peer: { address: loopback, port: options.peerPort },
    }),
  );

/** The same over the addon: batches of packets in one system call. */
export const openOverNative: OpenLink = async (options) => {
  const loaded = loadNativeIo();
  if (!loaded.ok) throw new Error(loaded.reason);
  const peer = { address: loopback, port: options.peerPort };
  const way = { udpPort: options.ownPort };
  return openOver(options, NativeTransport.open(loaded.io, { address: loopback, way, peer }));
};

function openOver(
  { connects, onMessage }: LinkOptions,
  transport: PacketTransport,
): { link: Link; up: Promise<void> } {
  const endpoint = new Endpoint(
    {
      localPort: connects ? sctpPort + 1 : sctpPort,
      localAddresses: [loopback],
      ownAddress: loopback,
      listening: !connects,
      cookieKey: new Uint8Array(randomBytes(32)),
      parameters,
      // Nobody replicates this endpoint.
      describesUpdates: false,
    },
    hostRandom,
  );
  const { promise: up, resolve, reject } = Promise.withResolvers<void>();
  let association = 0;
  let roomAwaited: (() => void) | undefined;
  const host = new EndpointHost({
    endpoint,
    transports: [transport],
    clock: { nowMs: () => performance.now() },
    user: {
      onDelivery: ({ payload }) => onMessage(payload.length),
      onNotification: (handle, notification) => {
        if (notification.type !== "association-change") return;
        if (notification.state === "comm-up") {
          association = handle;
          resolve();
        } else reject(new Error(`the association is gone: ${notification.reason}`));
      },
      onRoom: () => roomAwaited?.(),
    },
  });
  if (connects) host.connect(loopback, sctpPort);
  const link: Link = {
    trySend: (payload) =>
      host.send(association, { streamId: 0, ppid: 0, unordered: false, payload }) === "accepted",
    awaitRoom: (call) => {
      roomAwaited = call;
      host.awaitRoom(association, refillBytes);
    },
  };
  return { link, up };
}
