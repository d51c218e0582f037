export type {
  CaptureItem,
  FlawItem,
  InterfaceItem,
  PacketItem,
  SectionItem,
  StatisticsItem,
} from "./items.ts";
export { createCaptureReader, type CaptureReader } from "./reader.ts";
export {
  interfaceBlock,
  interfaceStatisticsBlock,
  packetBlock,
  pcapngHeader,
  type HeaderFields,
  type InterfaceFields,
  type PacketFields,
  type Stamp,
  type StatisticsFields,
} from "./pcapng-writer.ts";
