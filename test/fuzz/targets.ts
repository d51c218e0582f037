import { encodeFrame, decodeFrame, decodeUpdate } from "../../agents/replica/index.ts";
import { openCookie } from "../../agents/sctp/endpoint/cookie.ts";
import {
  describeChunk,
  parseCauseAt,
  parsePacket,
  parseParameterAt,
  writePacket,
} from "../../agents/sctp/wire/index.ts";
import type { Node } from "../sim/endpoints.ts";
import { Dice } from "../sim/sctp/dice.ts";
import { playCommands } from "./commands.ts";
import type { Coverage, State } from "./coverage.ts";
import { chunkTypes, rawChunk } from "./raw-chunks.ts";
import type { Aim } from "./raw-chunks.ts";
import { Stage, excesses, honest, phases, resealed, stranger, target, targetToo } from "./stage.ts";

/** Something that a fuzz run tries; it throws at a finding. The same seed does the same. */
export interface Target {
  readonly name: string;
  readonly run: (seed: number, corpus: readonly Uint8Array[], coverage: Coverage) => void;
}

/** Packets that one packet may draw: answers, a SACK, and what a SACK lets go. */
const mostPacketsOut = 14;
/** Packets between two endpoints after a hostile one, until they are quiet: all retransmissions of what was under way. */
const mostPacketsUntilQuiet = 400;

function check(condition: boolean, finding: string): asserts condition {
  if (!condition) throw new Error(finding);
}

/** A packet of the corpus, or bytes, with some of them changed, cut off, repeated or mixed with another one. */
function mutated(dice: Dice, corpus: readonly Uint8Array[]): Uint8Array {
  if (dice.chance(0.1)) return Uint8Array.from({ length: dice.int(0, 200) }, () => dice.uint32() & 255);
  let bytes = dice.pick(corpus).slice();
  for (let count = dice.pick([0, 1, 1, 2, 5, 20]); count > 0; count--) {
    const at = dice.int(0, Math.max(0, bytes.length - 1));
    const how = dice.int(0, 5);
    if (how < 3) bytes[at] = dice.pick([0, 1, 255, 127, 128, dice.uint32() & 255]);
    else if (how === 3) bytes = bytes.slice(0, at);
    else if (how === 4) bytes = Uint8Array.from([...bytes, ...bytes.subarray(at)]);
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...dice.pick(corpus).subarray(12)]);
  }
  return bytes;
}

/** Bytes into every reader: none throws, and what was read can be described, written and read again. */
function parsers(seed: number, corpus: readonly Uint8Array[]): void {
  const dice = new Dice(seed, "parsers");
  const bytes = mutated(dice, corpus);
  const parsed = parsePacket(bytes);
  if (parsed.ok) {
    for (const chunk of parsed.packet.chunks) describeChunk(chunk);
    const again = parsePacket(writePacket(parsed.packet));
    check(again.ok, "a packet that was read and written cannot be read");
    const texts = (packet: typeof parsed): string =>
      packet.packet.chunks.map((chunk) => describeChunk(chunk)).join();
    check(texts(again) === texts(parsed), "a packet that was read and written is another one");
  }
  for (const parse of [parseParameterAt, parseCauseAt]) {
    for (let at = 0; at + 4 <= bytes.length; at += 4) parse(bytes, at, bytes.length);
  }
  openCookie(bytes, new Uint8Array(32).fill(7));
  decodeUpdate(bytes);
  const frame = decodeFrame(bytes);
  if (frame !== undefined) decodeFrame(encodeFrame(frame));
}

function stateOf(node: Node): State {
  const { associations, connecting } = node.endpoint.snapshot();
  const phase = associations[0]?.state.phase;
  if (phase === undefined || phase === "closed") return connecting.length > 0 ? "cookie-wait" : "closed";
  return phase;
}

/** What was said on the wire before, to be used against who said it. */
function aimAt(stage: Stage, node: Node): Aim {
  let cookie: Uint8Array | undefined;
  let heartbeat: Uint8Array | undefined;
  for (const { datagram } of stage.world.network.log) {
    const parsed = parsePacket(datagram.bytes);
    for (const chunk of parsed.ok ? parsed.packet.chunks : []) {
      if (chunk.type === "COOKIE_ECHO") ({ cookie } = chunk);
      else if (chunk.type === "HEARTBEAT") heartbeat = chunk.info;
    }
  }
  return { state: node.endpoint.snapshot().associations[0]?.state, cookie, heartbeat };
}

/** A packet with the right tag and a good checksum, whose chunks are wrong in some way. */
function hostilePacket(
  dice: Dice,
  stage: Stage,
  node: Node,
  corpus: readonly Uint8Array[],
  coverage: Coverage,
  wanted: number | undefined,
): Uint8Array {
  const aim = aimAt(stage, node);
  const connecting = node.endpoint.snapshot().connecting[0]?.offer.tag;
  const tag = aim.state?.agreement.localTag ?? connecting ?? 7;
  const first = wanted ?? dice.pick(chunkTypes);
  const old = wanted === undefined && dice.chance(0.1) ? mutated(dice, corpus).subarray(12) : undefined;
  const chunks = old === undefined ? rawChunk(dice, first, aim) : [...old];
  for (let more = first === 1 ? 0 : dice.pick([0, 0, 1, 2, 30]); more > 0 && chunks.length < 30_000; more--) {
    chunks.push(...rawChunk(dice, dice.pick(chunkTypes), aim));
  }
  const packet = new Uint8Array(12 + chunks.length);
  const view = new DataView(packet.buffer);
  view.setUint16(0, 7000);
  view.setUint16(2, 7000);
  const zero = first === 1 || (first === 10 && dice.chance(0.2));
  view.setUint32(4, zero && old === undefined ? 0 : dice.chance(0.9) ? tag : dice.uint32());
  packet.set(chunks, 12);
  if (old === undefined) coverage.count(first, stateOf(node));
  return resealed(packet);
}

/** Valid-but-wrong chunks into every state of an association: bounded answers, bounded state, quiet afterwards. */
function states(seed: number, corpus: readonly Uint8Array[], coverage: Coverage): void {
  const dice = new Dice(seed, "states");
  // The first packet goes through all types in all states in turn.
  const phase = phases[seed % phases.length]!;
  const type = chunkTypes[Math.floor(seed / phases.length) % chunkTypes.length];
  const stage = new Stage(phase);
  const { world } = stage;
  const calling = phase === "cookie-wait" || phase === "cookie-echoed";
  const attacks = dice.int(1, 4);
  for (let attack = 0; attack < attacks; attack++) {
    const client = attack === 0 ? calling : dice.chance(0.4);
    const node = client ? stage.client : stage.server;
    const usual = node === stage.client ? target : honest;
    const from = dice.chance(0.85) ? usual : dice.pick([stranger, targetToo]);
    const to = node === stage.client ? honest : dice.pick([target, target, targetToo]);
    const bytes = hostilePacket(dice, stage, node, corpus, coverage, attack === 0 ? type : undefined);
    const before = world.network.log.length;
    node.endpoint.receive(bytes, { local: to, remote: from }, world.nowMs);
    world.drain(node);
    const out = world.network.log.slice(before).map(({ datagram }) => datagram);
    check(out.length <= mostPacketsOut, `one packet drew ${out.length} packets`);
    const toStranger = out.filter((datagram) => datagram.to === stranger);
    const bytesOut = toStranger.reduce((sum, datagram) => sum + datagram.bytes.length, 0);
    check(
      toStranger.length <= 1 || bytesOut <= 3 * bytes.length,
      `${bytes.length} bytes drew ${bytesOut} to an address that was never verified`,
    );
    const excess = excesses(node.endpoint.snapshot());
    check(excess.length === 0, excess.join("; "));
    world.run(dice.pick([0, 0.3, 3, 50]));
  }
  const before = world.network.log.length;
  world.run(20_000);
  const packets = world.network.log.length - before;
  coverage.mostPackets = Math.max(coverage.mostPackets, packets);
  check(packets <= mostPacketsUntilQuiet, `${packets} packets until all was quiet`);
  for (const node of world.nodes)
    check(excesses(node.endpoint.snapshot()).length === 0, "something stays too large");
}

export const targets: readonly Target[] = [
  { name: "parsers", run: parsers },
  { name: "states", run: states },
  { name: "commands", run: (seed) => playCommands(new Dice(seed, "commands")) },
];
