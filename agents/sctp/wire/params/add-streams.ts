import { tooShort } from "../codec.ts";
import type { Codec } from "../codec.ts";

/**
 * Add Outgoing Streams Request and Add Incoming Streams Request, RFC 6525 sections 4.5 and 4.6.
 *
 *   | type = 17 or 18               | length = 12                   |
 *   | re-configuration request sequence number                      |
 *   | number of new streams         | reserved                      |
 */
interface AddStreams<Type extends string> {
  readonly type: Type;
  readonly requestSequence: number;
  readonly newStreams: number;
}

export type AddOutgoingStreamsParameter = AddStreams<"ADD_OUTGOING_STREAMS">;
export type AddIncomingStreamsParameter = AddStreams<"ADD_INCOMING_STREAMS">;

function addStreams<Type extends string>(
  type: Type,
  typeNumber: number,
  title: string,
): Codec<AddStreams<Type>> {
  return {
    typeNumber,
    parse: ({ view }, start, end) =>
      tooShort(title, start, end, 12) ?? {
        type,
        requestSequence: view.getUint32(start + 4),
        newStreams: view.getUint16(start + 8),
      },
    length: () => 12,
    write: (parameter, { view }, start) => {
      view.setUint32(start + 4, parameter.requestSequence);
      view.setUint16(start + 8, parameter.newStreams);
    },
    describe: (parameter) => `${title} request=${parameter.requestSequence} streams=${parameter.newStreams}`,
  };
}

export const addOutgoingStreams: Codec<AddOutgoingStreamsParameter> = addStreams(
  "ADD_OUTGOING_STREAMS",
  17,
  "Add Outgoing Streams Request",
);
export const addIncomingStreams: Codec<AddIncomingStreamsParameter> = addStreams(
  "ADD_INCOMING_STREAMS",
  18,
  "Add Incoming Streams Request",
);
