import type { OutboundPacket, Route } from "../association/outputs.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { RandomSource } from "../base/random.ts";
import { changeAddresses } from "./addresses.ts";
import type { SocketAuthentication } from "./authentication.ts";
import { authentication } from "./authentication.ts";
import { bind } from "./bind.ts";
import type { SocketStackConfig } from "./core.ts";
import { StackCore } from "./core.ts";
import type { ShutdownHow } from "./ending.ts";
import { leaveAssociation, shutdown } from "./ending.ts";
import type { Answer, Errno } from "./errno.ts";
import { answer, done, refuse } from "./errno.ts";
import { settle } from "./events.ts";
import type { AssociationId, Received, SendInfo } from "./messages.ts";
import type { OptionScope, SocketOption } from "./options.ts";
import { sendBuffer, setOption } from "./options.ts";
import { receive } from "./receive.ts";
import type { StreamReconfiguration } from "./reconfigure.ts";
import { reconfigure } from "./reconfigure.ts";
import { send } from "./send.ts";
import { accept, connect, dropAcceptQueue, listen, peelOff } from "./set-up.ts";
import type { AddressFamily, Socket, SocketStyle } from "./socket.ts";
import { createSocket, onlyAssociation } from "./socket.ts";
import type { SocketStatus } from "./status.ts";
import { status } from "./status.ts";

/**
 * The sockets API of RFC 6458 without a network and without a clock: descriptors, sockets of both kinds,
 * one endpoint a port. A function of packets, calls, time and randomness like all that is below it: no call
 * waits, what would wait answers `EAGAIN` or is under way. After calls, `takePackets` says what is to be sent
 * and `nextDeadlineMs` when `advance` is to be called. `nowMs` never goes back.
 */
export class SocketStack {
  readonly #core: StackCore;

  constructor(config: SocketStackConfig, random: RandomSource) {
    const { parameters } = config;
    const limits = sendBuffer(parameters.sendBufferBytes);
    this.#core = new StackCore({ ...config, parameters: { ...parameters, ...limits } }, random);
  }

  /** `socket()`: sections 3.1.1 and 4.1.1; answers a descriptor above 2. */
  socket(style: SocketStyle, family: AddressFamily = "ipv4"): number {
    return this.#core.open(createSocket(style, family, this.#core.config));
  }

  /** `bind()` and `sctp_bindx()` for the first time; port 0: an ephemeral one, a wildcard: all addresses. */
  bind(descriptor: number, addresses: readonly string[], port: number): Answer<undefined> {
    return this.#with(descriptor, (socket) => bind(this.#core, socket, addresses, port));
  }

  /** `sctp_bindx()` on a bound socket (section 9.1), whose peers are told by RFC 5061. */
  changeAddresses(
    descriptor: number,
    addresses: readonly string[],
    action: "add" | "remove",
    nowMs: number,
  ): Answer<undefined> {
    return this.#with(descriptor, (socket) => changeAddresses(this.#core, socket, addresses, action), nowMs);
  }

  listen(descriptor: number, backlog: number): Answer<undefined> {
    return this.#with(descriptor, (socket) => listen(this.#core, socket, backlog));
  }

  /** The next association that waits, as the descriptor of a one-to-one socket. */
  accept(descriptor: number, nowMs: number): Answer<number> {
    return this.#with(descriptor, (socket) => accept(this.#core, socket), nowMs);
  }

  /** `sctp_connectx()`; answers the id of the association, which is under way then. */
  connect(
    descriptor: number,
    addresses: readonly string[],
    port: number,
    nowMs: number,
  ): Answer<AssociationId> {
    return this.#with(descriptor, (socket) => connect(this.#core, socket, addresses, port), nowMs);
  }

  peelOff(descriptor: number, association: AssociationId, nowMs: number): Answer<number> {
    return this.#with(descriptor, (socket) => peelOff(this.#core, socket, association), nowMs);
  }

  /** `sctp_sendv()`; answers the length of the message. */
  send(descriptor: number, payload: Uint8Array, info: SendInfo, nowMs: number): Answer<number> {
    return this.#with(descriptor, (socket) => send(this.#core, socket, payload, info), nowMs);
  }

  /** `sctp_recvv()`. */
  receive(descriptor: number, maxBytes: number, nowMs: number): Answer<Received> {
    return this.#with(descriptor, (socket) => receive(this.#core, socket, maxBytes), nowMs);
  }

  /** Resets or adds streams (RFC 6525 section 6.3). */
  reconfigure(
    descriptor: number,
    wanted: StreamReconfiguration,
    nowMs: number,
    association?: AssociationId,
  ): Answer<undefined> {
    return this.#with(descriptor, (socket) => reconfigure(this.#core, socket, wanted, association), nowMs);
  }

  shutdown(descriptor: number, how: ShutdownHow, nowMs: number): Answer<undefined> {
    return this.#with(descriptor, (socket) => shutdown(this.#core, socket, how), nowMs);
  }

  /** The descriptor is gone; what it stood for ends in order, see `leaveAssociation`. */
  close(descriptor: number, nowMs: number): Answer<undefined> {
    return this.#with(
      descriptor,
      (socket) => {
        const { port, associations } = socket;
        this.#core.sockets.delete(descriptor);
        socket.backlog = 0;
        dropAcceptQueue(this.#core, socket);
        for (const association of [...associations.values()])
          leaveAssociation(this.#core, socket, association);
        if (port?.owner === socket) {
          port.owner = undefined;
          port.updateListening();
        }
        if (port !== undefined) this.#core.releaseUnused(port);
        return done;
      },
      nowMs,
    );
  }

  setOption(
    descriptor: number,
    option: SocketOption,
    nowMs: number,
    scope: OptionScope = "future",
  ): Answer<undefined> {
    return this.#with(descriptor, (socket) => setOption(this.#core, socket, option, scope), nowMs);
  }

  /**
   * What is set for associations to come, and for the one of a one-to-one socket; of that one it says whether
   * interleaving and partial reliability were agreed (RFC 8260 section 4.3.1, RFC 7496 section 4.5).
   */
  parameters(descriptor: number): Answer<ProtocolParameters> {
    return this.#with(descriptor, (socket) => {
      const { parameters, style } = socket;
      const association = style === "one-to-one" ? onlyAssociation(socket) : undefined;
      const agreed = association?.port.endpoint.state(association.handle)?.agreement.extensions;
      if (agreed === undefined) return answer(parameters);
      const { interleaving, partialReliability } = agreed;
      const extensions = { ...parameters.extensions, interleaving, partialReliability };
      return answer({ ...parameters, extensions });
    });
  }

  /** SO_ERROR: what went wrong since somebody last asked. */
  takeError(descriptor: number, nowMs: number): Answer<Errno | undefined> {
    return this.#with(
      descriptor,
      (socket) => {
        const { error } = socket;
        socket.error = undefined;
        return answer(error);
      },
      nowMs,
    );
  }

  /** SCTP_STATUS (section 8.2.1). */
  status(descriptor: number, nowMs: number, association?: AssociationId): Answer<SocketStatus> {
    return this.#with(descriptor, (socket) => status(socket, association), nowMs);
  }

  /** Which key and which chunk types are authenticated (sections 8.1.18, 8.2.3 and 8.2.4). */
  authentication(
    descriptor: number,
    nowMs: number,
    association?: AssociationId,
  ): Answer<SocketAuthentication> {
    return this.#with(descriptor, (socket) => authentication(socket, association), nowMs);
  }

  /** SCTP_GET_ASSOC_ID_LIST (section 8.2.6). */
  associations(descriptor: number, nowMs: number): Answer<readonly AssociationId[]> {
    return this.#with(descriptor, ({ associations }) => answer([...associations.keys()]), nowMs);
  }

  /** `sctp_getladdrs()` and `getsockname()`; `ENOTCONN` while it is not bound. With an id, those of an association. */
  localAddresses(
    descriptor: number,
    id?: AssociationId,
  ): Answer<{ readonly addresses: readonly string[]; readonly port: number }> {
    return this.#with(descriptor, ({ port, associations }) => {
      if (port === undefined) return refuse("ENOTCONN");
      const handle = id === undefined ? undefined : associations.get(id)?.handle;
      if (id !== undefined && handle === undefined) return refuse("ENOTCONN");
      const agreed = handle === undefined ? undefined : port.endpoint.state(handle)?.agreement.localAddresses;
      return answer({ addresses: agreed ?? port.addresses, port: port.number });
    });
  }

  /** `sctp_getpaddrs()` and `getpeername()`. */
  peerAddresses(
    descriptor: number,
    nowMs: number,
    id?: AssociationId,
  ): Answer<{ readonly addresses: readonly string[]; readonly port: number }> {
    const find = ({ associations }: Socket): ReturnType<SocketStack["peerAddresses"]> => {
      const association = id === undefined ? [...associations.values()][0] : associations.get(id);
      if (association === undefined) return refuse("ENOTCONN");
      const agreement = association.port.endpoint.state(association.handle)?.agreement;
      if (agreement === undefined) return answer(association.peer);
      return answer({ addresses: agreement.peerAddresses, port: agreement.peerPort });
    };
    return this.#with(descriptor, find, nowMs);
  }

  /** A packet has arrived; the stack takes `bytes` over. One for a port that nobody has is answered too. */
  receivePacket(bytes: Uint8Array, route: Route, nowMs: number): void {
    this.#core.nowMs = nowMs;
    const number = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
    // Section 8.5.1 A of RFC 9260: the tag 0 is for INIT.
    const isInit = bytes.length >= 8 && bytes.subarray(4, 8).every((byte) => byte === 0);
    const port = this.#core.portOf(number, route.local, isInit);
    port.endpoint.receive(bytes, route, nowMs);
    this.#core.touched.add(port);
    this.#core.unheard.add(port);
  }

  nextDeadlineMs(): number | undefined {
    settle(this.#core);
    let earliest: number | undefined;
    for (const port of [...this.#core.ports.values()].flat()) {
      const dueMs = port.endpoint.nextDeadlineMs();
      if (dueMs !== undefined && (earliest === undefined || dueMs < earliest)) earliest = dueMs;
    }
    return earliest;
  }

  /** Does everything that is due. */
  advance(nowMs: number): void {
    this.#core.nowMs = nowMs;
    for (const port of [...this.#core.ports.values()].flat()) {
      const dueMs = port.endpoint.nextDeadlineMs();
      if (dueMs === undefined || dueMs > nowMs) continue;
      port.endpoint.advance(nowMs);
      this.#core.touched.add(port);
      this.#core.unheard.add(port);
    }
  }

  /** The packets that are to be sent, in order. */
  takePackets(): readonly OutboundPacket[] {
    settle(this.#core);
    const { packets } = this.#core;
    this.#core.packets = [];
    return packets;
  }

  /** Calls see all that has arrived before them; several messages in a row still share packets. */
  #with<T>(
    descriptor: number,
    act: (socket: Socket) => Answer<T>,
    nowMs: number = this.#core.nowMs,
  ): Answer<T> {
    this.#core.nowMs = nowMs;
    const socket = this.#core.sockets.get(descriptor);
    if (socket === undefined) return refuse("EBADF");
    if (socket.port !== undefined && this.#core.unheard.has(socket.port)) settle(this.#core);
    return act(socket);
  }
}
