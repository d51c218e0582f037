import { decode, encode } from "cborg";
import * as z from "zod";
import type { EndpointSnapshot, PacketReason } from "../../sctp/index.ts";
import { crc32c, parseChunkAt, writeChunk } from "../../sctp/index.ts";
import { ByteReader, ByteWriter, EncodingFlaw } from "../encoding.ts";
import { readState, writeState } from "../state-codec.ts";
import { incoherence } from "./coherence.ts";
import {
  addressesShape,
  associationShape,
  bit32,
  callShape,
  parametersShape,
  retiredTagsShape,
  routeShape,
} from "./shapes.ts";

type AssociationSnapshot = EndpointSnapshot["associations"][number];
type PendingControl = AssociationSnapshot["control"][number];

/** Goes up whenever the meaning of the bytes changes; other versions are refused. */
const snapshotVersion = 1;
/** Larger ones are refused unread. */
const maxSnapshotBytes: number = 256 * 1024 * 1024;
const checksumBytes = 4;

/** The keys of an endpoint at the instant of a snapshot, which its bytes do not contain. */
export interface SnapshotSecrets {
  readonly cookieKeys: EndpointSnapshot["cookieKeys"];
  readonly keys: EndpointSnapshot["keys"];
  /** Shared keys of each association (RFC 4895), by local tag. */
  readonly associationKeys: ReadonlyMap<number, AssociationSnapshot["keys"]>;
}

export type DecodedSnapshot =
  | { readonly ok: true; readonly snapshot: EndpointSnapshot }
  /** `reason` is one sentence. */
  | { readonly ok: false; readonly reason: string };

/** The keys that go with a snapshot. */
export const secretsOf = ({ cookieKeys, keys, associations }: EndpointSnapshot): SnapshotSecrets => ({
  cookieKeys,
  keys,
  associationKeys: new Map(associations.map((each) => [each.state.agreement.localTag, each.keys])),
});

/**
 * An endpoint at an instant as bytes: CBOR (RFC 8949) with a version, and a CRC32c behind it. No keys are in
 * it, so it may be stored and sent; `secretsOf` tells them.
 */
export function encodeSnapshot(snapshot: EndpointSnapshot): Uint8Array {
  const { cookieKeys: _, keys: __, associations, ...rest } = snapshot;
  const body = encode({
    version: snapshotVersion,
    ...rest,
    associations: associations.map(writtenAssociation),
  });
  const bytes = new Uint8Array(body.length + checksumBytes);
  bytes.set(body);
  new DataView(bytes.buffer).setUint32(body.length, crc32c(body));
  return bytes;
}

function writtenAssociation({ state, control, keys: _, ...rest }: AssociationSnapshot): object {
  const writer = new ByteWriter();
  writeState(writer, state);
  const chunks = control.map((pending) => ({ ...pending, chunk: writeChunk(pending.chunk) }));
  return { ...rest, state: writer.finish(), control: chunks };
}

/** Reads back what `encodeSnapshot` wrote, of this version only; whatever is not as it must be is refused. */
export function decodeSnapshot(bytes: Uint8Array, secrets: SnapshotSecrets): DecodedSnapshot {
  const body = checkedBody(bytes);
  if (typeof body === "string") return { ok: false, reason: body };
  const parsed = endpointShape.safeParse(body);
  if (!parsed.success) return { ok: false, reason: describeIssue(parsed.error) };
  try {
    const { version: _, associations, ...rest } = parsed.data;
    const read = associations.map((each) => readAssociation(each, secrets));
    const snapshot = { ...rest, cookieKeys: secrets.cookieKeys, keys: secrets.keys, associations: read };
    const wrong = incoherence(snapshot);
    return wrong === undefined
      ? { ok: true, snapshot }
      : { ok: false, reason: `the snapshot contradicts itself: ${wrong}` };
  } catch (error) {
    if (error instanceof EncodingFlaw)
      return { ok: false, reason: `the snapshot cannot be read: ${error.message}` };
    throw error;
  }
}

/** The CBOR value, or what is wrong with the bytes. */
function checkedBody(bytes: Uint8Array): object | string {
  if (bytes.length > maxSnapshotBytes) {
    return `the snapshot has ${bytes.length} bytes, more than ${maxSnapshotBytes}`;
  }
  const length = bytes.length - checksumBytes;
  if (length < 1) return `${bytes.length} bytes are no snapshot`;
  const body = bytes.subarray(0, length);
  if (new DataView(bytes.buffer, bytes.byteOffset).getUint32(length) !== crc32c(body)) {
    return "the snapshot is damaged: its checksum does not fit";
  }
  let value: unknown;
  try {
    value = decode(body, { allowNaN: false });
  } catch (error) {
    return `the snapshot is no CBOR: ${error instanceof Error ? error.message : String(error)}`;
  }
  const version = versionShape.safeParse(value);
  if (!version.success) return "the snapshot does not say its version";
  if (version.data.version !== snapshotVersion) {
    return `the snapshot is of version ${version.data.version}, and this is for version ${snapshotVersion}`;
  }
  return version.data;
}

const versionShape = z.looseObject({ version: z.int() });

const reasons = [
  ...["setup", "data", "sack", "t3-retransmission", "fast-retransmission", "takeover-retransmission"],
  ...["forward-tsn", "reconfiguration", "heartbeat", "heartbeat-ack", "address-change"],
  ...["shutdown", "abort", "error"],
] as readonly PacketReason[];

const controlShape = z.strictObject({
  chunk: z.instanceof(Uint8Array),
  route: routeShape,
  reason: z.enum(reasons),
  dependsOn: bit32,
});

const writtenShape = z.looseObject({
  state: z.instanceof(Uint8Array),
  control: z.array(controlShape).max(4096),
});

const endpointShape = z.strictObject({
  version: z.literal(snapshotVersion),
  nowMs: z.number(),
  sources: addressesShape,
  listening: z.boolean(),
  parameters: parametersShape,
  retiredTags: retiredTagsShape,
  connecting: z.array(callShape),
  echoing: z.array(callShape),
  associations: z.array(writtenShape),
});

function readAssociation(
  { state: stateBytes, control, ...rest }: z.infer<typeof writtenShape>,
  { associationKeys }: SnapshotSecrets,
): AssociationSnapshot {
  const reader = new ByteReader(stateBytes);
  const state = readState(reader);
  reader.end();
  const parsed = associationShape.safeParse(rest);
  if (!parsed.success) throw new EncodingFlaw(describeIssue(parsed.error));
  const keys = associationKeys.get(state.agreement.localTag);
  if (keys === undefined)
    throw new EncodingFlaw(`no keys were given for association ${state.agreement.localTag}`);
  return { ...parsed.data, state, keys, control: control.map(readControl) };
}

function readControl({ chunk: bytes, ...rest }: z.infer<typeof controlShape>): PendingControl {
  if (bytes.length === 0) throw new EncodingFlaw("a waiting chunk has no bytes");
  const { parsed, end } = parseChunkAt(bytes, 0);
  if (!("type" in parsed) || end !== bytes.length) throw new EncodingFlaw("a waiting chunk is malformed");
  return { ...rest, chunk: parsed };
}

function describeIssue({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `the snapshot is not as it must be: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`;
}
