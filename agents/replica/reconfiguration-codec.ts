import type {
  ReconfigurationAnswer,
  ReconfigurationRequest,
  ReconfigurationState,
  WantedReconfiguration,
} from "../sctp/index.ts";
import { tsn, unreachable } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";

/** The state of RFC 6525's requests and answers. */
export function writeReconfiguration(writer: ByteWriter, state: ReconfigurationState): void {
  writer.u32(state.nextRequest).u32(state.peerNextRequest);
  writer.list(state.inFlight === undefined ? [] : [state.inFlight], ({ sequence, request }) => {
    writer.u32(sequence);
    if (request.kind === "outgoing-reset") writer.u32(request.responseSequence).u32(request.lastTsn);
    else writer.u32(0).u32(0);
    writeWanted(writer, request);
  });
  writer.list(state.wanted, (wanted) => {
    const answers = wanted.kind === "outgoing-reset" ? wanted.answers : undefined;
    writer.list(answers === undefined ? [] : [answers], (each) => writer.u32(each));
    writeWanted(writer, wanted);
  });
  writer.list(state.answered, ({ responseSequence, result, nextTsns }) => {
    writer.u32(responseSequence).u8(result);
    writer.list(nextTsns === undefined ? [] : [nextTsns], (each) =>
      writer.u32(each.sender).u32(each.receiver),
    );
  });
  writer.list(state.deferred === undefined ? [] : [state.deferred], ({ sequence, lastTsn, streams }) => {
    writer
      .u32(sequence)
      .u32(lastTsn)
      .list(streams, (each) => writer.u16(each));
  });
}

export function readReconfiguration(reader: ByteReader): ReconfigurationState {
  const nextRequest = reader.u32();
  const peerNextRequest = reader.u32();
  const [inFlight] = reader.list(() => {
    const sequence = reader.u32();
    const responseSequence = reader.u32();
    const lastTsn = tsn(reader.u32());
    const wanted = readWanted(reader);
    const request: ReconfigurationRequest =
      wanted.kind === "outgoing-reset" ? { ...wanted, responseSequence, lastTsn } : wanted;
    return { sequence, request };
  });
  const wanted = reader.list((): WantedReconfiguration => {
    const [answers] = reader.list(() => reader.u32());
    const request = readWanted(reader);
    return request.kind === "outgoing-reset" && answers !== undefined ? { ...request, answers } : request;
  });
  const answered = reader.list((): ReconfigurationAnswer => {
    const answer = { responseSequence: reader.u32(), result: reader.u8() };
    const [nextTsns] = reader.list(() => ({ sender: tsn(reader.u32()), receiver: tsn(reader.u32()) }));
    return nextTsns === undefined ? answer : { ...answer, nextTsns };
  });
  const [deferred] = reader.list(() => ({
    sequence: reader.u32(),
    lastTsn: tsn(reader.u32()),
    streams: reader.list(() => reader.u16()),
  }));
  return { nextRequest, peerNextRequest, inFlight, wanted, answered, deferred };
}

const kinds = ["outgoing-reset", "incoming-reset", "ssn-tsn-reset", "add-outgoing", "add-incoming"] as const;

function writeWanted(writer: ByteWriter, wanted: WantedReconfiguration): void {
  writer.u8(kinds.indexOf(wanted.kind));
  if ("streams" in wanted) writer.list(wanted.streams, (each) => writer.u16(each));
  else if ("count" in wanted) writer.u16(wanted.count);
}

function readWanted(reader: ByteReader): WantedReconfiguration {
  const kind = reader.oneOf(kinds);
  switch (kind) {
    case "outgoing-reset":
    case "incoming-reset":
      return { kind, streams: reader.list(() => reader.u16()) };
    case "ssn-tsn-reset":
      return { kind };
    case "add-outgoing":
    case "add-incoming":
      return { kind, count: reader.u16() };
    default:
      return unreachable(kind);
  }
}
