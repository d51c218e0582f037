export { createVirtualLab, type VirtualLabRequest } from "./create.ts";
export { sweepStaleLabs } from "./removal.ts";
