/**
 * What the two highest bits of an unknown type ask for (RFC 9260 sections 3.2 and 3.2.1): `skip` to go on
 * with the next chunk or parameter, or else to stop there; `report` to tell the peer.
 */
export interface UnknownAction {
  readonly skip: boolean;
  readonly report: boolean;
}

/** For a chunk type of 8 bits. Stopping drops the rest of the packet. */
export const chunkAction = (typeNumber: number): UnknownAction => actionOf(typeNumber >> 6);

/** For a parameter type of 16 bits. Stopping leaves out the rest of the chunk's parameters. */
export const parameterAction = (typeNumber: number): UnknownAction => actionOf(typeNumber >> 14);

const actionOf = (bits: number): UnknownAction => ({ skip: (bits & 2) !== 0, report: (bits & 1) !== 0 });
