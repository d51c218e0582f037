import type { Agreement, AssociationState, AuthenticationTerms, Extensions } from "../sctp/index.ts";
import { noExtensions, tsn } from "../sctp/index.ts";
import { readAsconf, writeAsconf } from "./asconf-codec.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";
import { phases } from "./phases.ts";
import { readReceiveState, writeReceiveState } from "./receive-codec.ts";
import { readReconfiguration, writeReconfiguration } from "./reconfiguration-codec.ts";
import { readSendState, writeSendState } from "./send-codec.ts";

/** A whole association state: the first update of an association, and a snapshot for a newcomer. */
export function writeState(writer: ByteWriter, state: AssociationState): void {
  writeAgreement(writer, state.agreement);
  writer.u32(state.sequence).u8(phases.indexOf(state.phase));
  writer.bytes(state.cookie ?? new Uint8Array(0)).bytes(state.userState);
  writer.list([...state.confirmedAddresses], (address) => writer.text(address)).text(state.primaryAddress);
  const { send, receive } = state;
  writer.list([...state.encapsulationPorts], ([address, port]) => writer.text(address).u16(port));
  writer.u16(state.activeKeyId);
  writeAsconf(writer, state.asconf);
  writeReconfiguration(writer, state.reconfiguration);
  writeSendState(writer, send);
  writeReceiveState(writer, receive);
}

export function readState(reader: ByteReader): AssociationState {
  const agreement = readAgreement(reader);
  const sequence = reader.u32();
  const phase = reader.oneOf(phases);
  const cookie = reader.bytes();
  const userState = reader.bytes();
  const confirmedAddresses = new Set(reader.list(() => reader.text()));
  const primaryAddress = reader.text();
  const encapsulationPorts = new Map(reader.list(() => [reader.text(), reader.u16()] as const));
  const activeKeyId = reader.u16();
  const asconf = readAsconf(reader);
  return {
    agreement,
    sequence,
    phase,
    cookie: cookie.length === 0 ? undefined : cookie,
    userState,
    confirmedAddresses,
    primaryAddress,
    encapsulationPorts,
    activeKeyId,
    asconf,
    reconfiguration: readReconfiguration(reader),
    send: readSendState(reader),
    receive: readReceiveState(reader),
  };
}

function writeAgreement(writer: ByteWriter, agreement: Agreement): void {
  writer.u16(agreement.localPort).u16(agreement.peerPort).u32(agreement.localTag).u32(agreement.peerTag);
  writer.u32(agreement.localInitialTsn).u32(agreement.peerInitialTsn);
  writer.list(agreement.localAddresses, (address) => writer.text(address));
  writer.list(agreement.peerAddresses, (address) => writer.text(address));
  writer.u16(agreement.outboundStreams).u16(agreement.inboundStreams).u32(agreement.peerWindowBytes);
  writer.list(agreement.peerExtensions, (type) => writer.u8(type));
  writer.u8(extensionNames.reduce((bits, name, at) => bits | (Number(agreement.extensions[name]) << at), 0));
  const { authentication } = agreement;
  writer.list(authentication === undefined ? [] : [authentication.local, authentication.peer], (terms) =>
    writeTerms(writer, terms),
  );
}

function writeTerms(writer: ByteWriter, terms: AuthenticationTerms): void {
  writer.bytes(terms.random).list(terms.hmacIds, (id) => writer.u16(id));
  writer.u8(Number(terms.chunkTypes !== undefined)).list(terms.chunkTypes ?? [], (type) => writer.u8(type));
}

function readTerms(reader: ByteReader): AuthenticationTerms {
  const random = reader.bytes();
  const hmacIds = reader.list(() => reader.u16());
  const listed = reader.u8() === 1;
  const chunkTypes = reader.list(() => reader.u8());
  return { random, chunkTypes: listed ? chunkTypes : undefined, hmacIds };
}

function readAuthentication(reader: ByteReader): Agreement["authentication"] {
  const [local, peer] = reader.list(() => readTerms(reader));
  return local === undefined || peer === undefined ? undefined : { local, peer };
}

function readAgreement(reader: ByteReader): Agreement {
  return {
    localPort: reader.u16(),
    peerPort: reader.u16(),
    localTag: reader.u32(),
    peerTag: reader.u32(),
    localInitialTsn: tsn(reader.u32()),
    peerInitialTsn: tsn(reader.u32()),
    localAddresses: reader.list(() => reader.text()),
    peerAddresses: reader.list(() => reader.text()),
    outboundStreams: reader.u16(),
    inboundStreams: reader.u16(),
    peerWindowBytes: reader.u32(),
    peerExtensions: reader.list(() => reader.u8()),
    extensions: readExtensions(reader),
    authentication: readAuthentication(reader),
  };
}

const extensionNames = Object.keys(noExtensions) as (keyof Extensions)[];

function readExtensions(reader: ByteReader): Extensions {
  const bits = reader.u8();
  const entries = extensionNames.map((name, at) => [name, ((bits >> at) & 1) === 1] as const);
  return Object.fromEntries(entries) as unknown as Extensions;
}
