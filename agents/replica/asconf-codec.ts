import type { AddressRequest, AsconfState } from "../sctp/index.ts";
import type { ByteReader, ByteWriter } from "./encoding.ts";

const requestKinds = ["add", "delete", "set-primary"] as const satisfies readonly AddressRequest["kind"][];

const writeRequest = (writer: ByteWriter, { kind, address }: AddressRequest): ByteWriter =>
  writer.u8(requestKinds.indexOf(kind)).text(address);

const readRequest = (reader: ByteReader): AddressRequest => ({
  kind: reader.oneOf(requestKinds),
  address: reader.text(),
});

/** The state of RFC 5061's requests and answers. */
export function writeAsconf(writer: ByteWriter, state: AsconfState): void {
  writer.u32(state.nextSerial).u32(state.peerSerial);
  writer.list(state.inFlight === undefined ? [] : [state.inFlight], ({ serial, lookup, requests }) => {
    writer.u32(serial).text(lookup);
    writer.list(requests, (each) => writeRequest(writer, each));
  });
  writer.list(state.wanted, (each) => writeRequest(writer, each));
  writer.list(state.answers, ({ serial, chunk }) => writer.u32(serial).bytes(chunk));
  writer.list(state.notUnderstood, (kind) => writer.u8(requestKinds.indexOf(kind)));
}

export function readAsconf(reader: ByteReader): AsconfState {
  const nextSerial = reader.u32();
  const peerSerial = reader.u32();
  const [inFlight] = reader.list(() => ({
    serial: reader.u32(),
    lookup: reader.text(),
    requests: reader.list(() => readRequest(reader)),
  }));
  return {
    nextSerial,
    peerSerial,
    inFlight,
    wanted: reader.list(() => readRequest(reader)),
    answers: reader.list(() => ({ serial: reader.u32(), chunk: reader.bytes() })),
    notUnderstood: reader.list(() => reader.oneOf(requestKinds)),
  };
}
