/** The front door of the dissector: captured frames in, flat summaries and decode trees out. */
export { dissectFrame } from "./dissect-frame.ts";
export type { Dissection } from "./dissect-frame.ts";
export { decodeTree } from "./decode-tree.ts";
export type { DissectOptions } from "./layers.ts";
export { firstFragments } from "./payloads.ts";
export type { FirstFragment } from "./payloads.ts";
export { infoLine } from "./info-line.ts";
export { followAssociations } from "./associations.ts";
export type { AssociationEnd, FollowedAssociation, FollowedAssociations } from "./associations.ts";
export type { ChunkSummary, DecodeNode, SctpSummary } from "./summary.ts";
