import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UdpTransport } from "../../../agents/host/udp-transport.ts";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { OurEnd } from "./our-end.ts";
import { Relay, freeUdpPort } from "./relay.ts";
import type { UsrsctpExtension, UsrsctpProgram } from "./usrsctp-end.ts";
import { UsrsctpEnd } from "./usrsctp-end.ts";

export const ourSctpPort = 7001;
export const peerSctpPort = 7002;

/** Who sends INIT. */
export type Role = "we connect" | "usrsctp connects";
export const roles: readonly Role[] = ["we connect", "usrsctp connects"];

export interface PairOptions {
  readonly role: Role;
  readonly seed: number;
  readonly parameters?: Partial<ProtocolParameters>;
  readonly extensions?: readonly UsrsctpExtension[];
}

/** Our stack and usrsctp with a relay between them; `dispose` ends all of it. */
export class UsrsctpPair {
  readonly #program: UsrsctpProgram;
  readonly #options: PairOptions;
  readonly #ports: { readonly ours: number; readonly peers: number };
  readonly relay: Relay;
  ours: OurEnd;
  peer: UsrsctpEnd;

  private constructor(
    program: UsrsctpProgram,
    options: PairOptions,
    ports: { readonly ours: number; readonly peers: number },
    relay: Relay,
    ours: OurEnd,
  ) {
    this.#program = program;
    this.#options = options;
    this.#ports = ports;
    this.relay = relay;
    this.ours = ours;
    this.peer = this.#newPeer();
  }

  static async open(program: UsrsctpProgram, options: PairOptions): Promise<UsrsctpPair> {
    const ports = { ours: await freeUdpPort(), peers: await freeUdpPort() };
    const relay = await Relay.open({ a: ports.ours, b: ports.peers }, options.seed);
    const ours = await openOurs(options, ports.ours, relay);
    return new UsrsctpPair(program, options, ports, relay, ours);
  }

  /** Resolves when both sides say that the association is up. */
  static async connected(program: UsrsctpProgram, options: PairOptions): Promise<UsrsctpPair> {
    const pair = await UsrsctpPair.open(program, options);
    try {
      await pair.connect();
    } catch (error) {
      await pair.dispose();
      throw error;
    }
    return pair;
  }

  async connect(): Promise<void> {
    if (this.#options.role === "we connect") {
      this.peer.command("listen");
      await this.peer.happened("listening");
      this.ours.connect(peerSctpPort);
    } else this.peer.command(`connect ${ourSctpPort}`);
    await this.ours.happened("comm-up");
    await this.peer.happened("comm-up");
  }

  #newPeer(): UsrsctpEnd {
    const ports = { udp: this.#ports.peers, peerUdp: this.relay.portForB, sctp: peerSctpPort };
    return new UsrsctpEnd(this.#program, ports, this.#options.extensions);
  }

  /** The process is killed while nothing is under way, and another one takes its place at the same ports. */
  async replacePeer(): Promise<void> {
    await this.relay.quiet();
    await this.peer.kill();
    this.peer = this.#newPeer();
  }

  /** Our endpoint is forgotten without a word while nothing is under way, and another one takes its place at the same ports. */
  async replaceOurs(): Promise<void> {
    await this.relay.quiet();
    this.ours.host.close();
    const options = { ...this.#options, seed: this.#options.seed + 1 };
    this.ours = await openOurs(options, this.#ports.ours, this.relay);
  }

  /** With INTEROP_TRACES set to a folder the packets are kept there as a pcap file. */
  async dispose(): Promise<void> {
    const folder = process.env["INTEROP_TRACES"];
    if (folder !== undefined) writeFileSync(join(folder, `${this.#ports.ours}.pcap`), this.relay.trace());
    this.ours.host.close();
    this.relay.close();
    await this.peer.kill();
  }
}

async function openOurs(options: PairOptions, udpPort: number, relay: Relay): Promise<OurEnd> {
  const transport = await UdpTransport.open({ address: "127.0.0.1", udpPort, remotePort: relay.portForA });
  return new OurEnd(transport, {
    sctpPort: ourSctpPort,
    listening: options.role === "usrsctp connects",
    seed: options.seed,
    ...(options.parameters === undefined ? undefined : { parameters: options.parameters }),
  });
}
