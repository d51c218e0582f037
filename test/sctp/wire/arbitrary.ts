import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import { ipv6Text } from "../../../agents/sctp/base/bytes.ts";
import { ssn, tsn } from "../../../agents/sctp/base/serial.ts";
import type {
  AddressParameter,
  Cause,
  Chunk,
  Parameter,
  SctpPacket,
} from "../../../agents/sctp/wire/index.ts";

/** The same cases every time; change the number to hunt for others. */
fc.configureGlobal({ seed: 9260 });

const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const anyTsn = u32.map(tsn);
const anySsn = u16.map(ssn);
const flag = fc.boolean();
const bytes = fc.uint8Array({ maxLength: 40 });
const u16s = fc.array(u16, { maxLength: 6 });

const is = <T extends string>(type: T): Arbitrary<T> => fc.constant(type);

const ipv4 = fc.record({
  type: is("IPV4_ADDRESS"),
  address: fc.tuple(u8, u8, u8, u8).map((parts) => parts.join(".")),
});
const ipv6 = fc.record({
  type: is("IPV6_ADDRESS"),
  address: fc
    .array(fc.oneof(u8, fc.constant(0)), { minLength: 16, maxLength: 16 })
    .map((octets) => ipv6Text(new DataView(Uint8Array.from(octets).buffer), 0)),
});
const address: Arbitrary<AddressParameter> = fc.oneof(ipv4, ipv6);

const valueCause = <T extends string, C extends number>(type: T, code: C) =>
  fc.record({ type: is(type), code: fc.constant(code), value: bytes });
const bareCause = <T extends string, C extends number>(type: T, code: C) => fc.constant({ type, code });

export const cause: Arbitrary<Cause> = fc.oneof(
  fc.record({ type: is("INVALID_STREAM_IDENTIFIER"), code: fc.constant(1 as const), streamId: u16 }),
  fc.record({ type: is("MISSING_MANDATORY_PARAMETER"), code: fc.constant(2 as const), parameterTypes: u16s }),
  fc.record({ type: is("STALE_COOKIE"), code: fc.constant(3 as const), stalenessUs: u32 }),
  bareCause("OUT_OF_RESOURCE", 4),
  valueCause("UNRESOLVABLE_ADDRESS", 5),
  valueCause("UNRECOGNIZED_CHUNK_TYPE", 6),
  bareCause("INVALID_MANDATORY_PARAMETER", 7),
  valueCause("UNRECOGNIZED_PARAMETERS", 8),
  fc.record({ type: is("NO_USER_DATA"), code: fc.constant(9 as const), tsn: anyTsn }),
  bareCause("COOKIE_WHILE_SHUTTING_DOWN", 10),
  valueCause("RESTART_WITH_NEW_ADDRESSES", 11),
  valueCause("USER_INITIATED_ABORT", 12),
  valueCause("PROTOCOL_VIOLATION", 13),
  valueCause("DELETE_LAST_ADDRESS", 0xa0),
  valueCause("RESOURCE_SHORTAGE", 0xa1),
  valueCause("DELETE_SOURCE_ADDRESS", 0xa2),
  valueCause("ILLEGAL_ASCONF_ACK", 0xa3),
  valueCause("NO_AUTHORIZATION", 0xa4),
  fc.record({ type: is("UNSUPPORTED_HMAC_IDENTIFIER"), code: fc.constant(0x105 as const), hmacId: u16 }),
  fc.record({ type: is("UNKNOWN"), code: fc.constantFrom(0, 14, 0x9f, 0xffff), value: bytes }),
);
const causes = fc.array(cause, { maxLength: 4 });

const addressChange = <T extends string>(type: T) =>
  fc.record({ type: is(type), correlationId: u32, address });
const addStreams = <T extends string>(type: T) =>
  fc.record({ type: is(type), requestSequence: u32, newStreams: u16 });

export const parameter: Arbitrary<Parameter> = fc.oneof(
  address,
  fc.record({ type: is("STATE_COOKIE"), cookie: bytes }),
  fc.record({ type: is("UNRECOGNIZED_PARAMETER"), value: bytes }),
  fc.record({ type: is("COOKIE_PRESERVATIVE"), incrementMs: u32 }),
  fc.record({ type: is("HOST_NAME_ADDRESS"), hostName: bytes }),
  fc.record({ type: is("SUPPORTED_ADDRESS_TYPES"), types: u16s }),
  fc.record({
    type: is("OUTGOING_SSN_RESET_REQUEST"),
    requestSequence: u32,
    responseSequence: u32,
    lastTsn: anyTsn,
    streams: u16s,
  }),
  fc.record({ type: is("INCOMING_SSN_RESET_REQUEST"), requestSequence: u32, streams: u16s }),
  fc.record({ type: is("SSN_TSN_RESET_REQUEST"), requestSequence: u32 }),
  fc.record({ type: is("RECONFIGURATION_RESPONSE"), responseSequence: u32, result: u32 }),
  fc.record({
    type: is("RECONFIGURATION_RESPONSE"),
    responseSequence: u32,
    result: u32,
    nextTsns: fc.record({ sender: anyTsn, receiver: anyTsn }),
  }),
  addStreams("ADD_OUTGOING_STREAMS"),
  addStreams("ADD_INCOMING_STREAMS"),
  fc.constant({ type: "ECN_CAPABLE" as const }),
  fc.record({ type: is("RANDOM"), random: bytes }),
  fc.record({ type: is("CHUNK_LIST"), chunkTypes: fc.array(u8, { maxLength: 7 }) }),
  fc.record({ type: is("HMAC_ALGORITHM"), hmacIds: u16s }),
  fc.record({ type: is("PADDING"), padding: bytes }),
  fc.record({ type: is("SUPPORTED_EXTENSIONS"), chunkTypes: fc.array(u8, { maxLength: 7 }) }),
  fc.constant({ type: "FORWARD_TSN_SUPPORTED" as const }),
  addressChange("ADD_IP_ADDRESS"),
  addressChange("DELETE_IP_ADDRESS"),
  addressChange("SET_PRIMARY_ADDRESS"),
  fc.record({ type: is("ERROR_CAUSE_INDICATION"), correlationId: u32, causes }),
  fc.record({ type: is("SUCCESS_INDICATION"), correlationId: u32 }),
  fc.record({ type: is("ADAPTATION_LAYER_INDICATION"), codePoint: u32 }),
  fc.record({ type: is("UNKNOWN"), typeNumber: fc.constantFrom(0, 2, 0x4001, 0x80ff, 0xffff), value: bytes }),
);
const parameters = fc.array(parameter, { maxLength: 5 });

const init = <T extends string>(type: T) =>
  fc.record({
    type: is(type),
    initiateTag: u32,
    advertisedWindow: u32,
    outboundStreams: u16,
    inboundStreams: u16,
    initialTsn: anyTsn,
    parameters,
  });
const fragment = { unordered: flag, ending: flag, immediate: flag, payload: bytes };

export const chunk: Arbitrary<Chunk> = fc.oneof(
  fc.record({
    type: is("DATA"),
    tsn: anyTsn,
    streamId: u16,
    ssn: anySsn,
    ppid: u32,
    beginning: flag,
    ...fragment,
  }),
  init("INIT"),
  init("INIT_ACK"),
  fc.record({
    type: is("SACK"),
    cumulativeTsn: anyTsn,
    advertisedWindow: u32,
    gaps: fc.array(fc.record({ start: u16, end: u16 }), { maxLength: 6 }),
    duplicates: fc.array(anyTsn, { maxLength: 6 }),
  }),
  fc.record({ type: is("HEARTBEAT"), info: bytes }),
  fc.record({ type: is("HEARTBEAT_ACK"), info: bytes }),
  fc.record({ type: is("ABORT"), tagReflected: flag, causes }),
  fc.record({ type: is("SHUTDOWN"), cumulativeTsn: anyTsn }),
  fc.constant({ type: "SHUTDOWN_ACK" as const }),
  fc.record({ type: is("ERROR"), causes }),
  fc.record({ type: is("COOKIE_ECHO"), cookie: bytes }),
  fc.constant({ type: "COOKIE_ACK" as const }),
  fc.record({ type: is("ECNE"), lowestTsn: anyTsn }),
  fc.record({ type: is("CWR"), lowestTsn: anyTsn }),
  fc.record({ type: is("SHUTDOWN_COMPLETE"), tagReflected: flag }),
  fc.record({ type: is("AUTH"), sharedKeyId: u16, hmacId: u16, hmac: bytes }),
  fc.record({
    type: is("I_DATA"),
    tsn: anyTsn,
    streamId: u16,
    messageId: u32,
    ppid: u32,
    fsn: fc.constant(0),
    beginning: fc.constant(true),
    ...fragment,
  }),
  fc.record({
    type: is("I_DATA"),
    tsn: anyTsn,
    streamId: u16,
    messageId: u32,
    ppid: fc.constant(0),
    fsn: u32,
    beginning: fc.constant(false),
    ...fragment,
  }),
  fc.record({ type: is("ASCONF_ACK"), serialNumber: u32, parameters }),
  fc.record({ type: is("RE_CONFIG"), parameters }),
  fc.record({ type: is("PAD"), padding: bytes }),
  fc.record({
    type: is("FORWARD_TSN"),
    newCumulativeTsn: anyTsn,
    streams: fc.array(fc.record({ streamId: u16, ssn: anySsn }), { maxLength: 5 }),
  }),
  fc.record({ type: is("ASCONF"), serialNumber: u32, address, parameters }),
  fc.record({
    type: is("I_FORWARD_TSN"),
    newCumulativeTsn: anyTsn,
    streams: fc.array(fc.record({ streamId: u16, unordered: flag, messageId: u32 }), { maxLength: 5 }),
  }),
  fc.record({
    type: is("UNKNOWN"),
    typeNumber: fc.constantFrom(16, 63, 100, 200, 255),
    flags: u8,
    value: bytes,
  }),
);

export const packet: Arbitrary<SctpPacket> = fc.record({
  sourcePort: u16,
  destinationPort: u16,
  verificationTag: u32,
  chunks: fc.array(chunk, { maxLength: 6 }),
});
