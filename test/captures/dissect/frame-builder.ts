import { addressBytes } from "../../../agents/sctp/base/bytes.ts";

export interface FrameShape {
  readonly linkType: number;
  readonly version: 4 | 6;
  /** UDP ports, or none for IP protocol 132. */
  readonly udp?: readonly [source: number, destination: number];
  readonly vlan?: boolean;
  /** IPv6: extension headers before the payload. IPv4: options. */
  readonly extensions?: boolean;
  readonly source?: string;
  readonly destination?: string;
  /** IPv4: the 16 bits of flags and fragment offset. IPv6: those of a fragment header. */
  readonly fragment?: number;
}

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];

/** A frame as a network would carry it, made without the code under test. */
export function buildFrame(shape: FrameShape, sctp: Uint8Array): Uint8Array {
  const transport =
    shape.udp === undefined
      ? [...sctp]
      : [...u16(shape.udp[0]), ...u16(shape.udp[1]), ...u16(8 + sctp.length), 0, 0, ...sctp];
  const protocol = shape.udp === undefined ? 132 : 17;
  const ip = shape.version === 4 ? ipv4(shape, protocol, transport) : ipv6(shape, protocol, transport);
  return Uint8Array.from([...link(shape), ...ip]);
}

function link({ linkType, version, vlan }: FrameShape): number[] {
  const type = version === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  const typed = vlan === true ? [0x81, 0x00, 0x20, 0x05, ...type] : type;
  const macs = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
  switch (linkType) {
    case 1:
      return [...macs, ...typed];
    case 0:
      return [version === 4 ? 2 : 30, 0, 0, 0];
    case 113:
      return [0, 4, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, ...typed];
    case 276:
      return [...type, 0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    default:
      return [];
  }
}

function ipv4(shape: FrameShape, protocol: number, payload: number[]): number[] {
  const options = shape.extensions === true ? [1, 1, 1, 0] : [];
  const length = 20 + options.length + payload.length;
  return [
    ...[0x40 | ((20 + options.length) / 4), 2, ...u16(length), 0, 1, ...u16(shape.fragment ?? 0x4000)],
    ...[64, protocol, 0, 0],
    ...addressBytes(shape.source ?? "192.0.2.11", 4),
    ...addressBytes(shape.destination ?? "192.0.2.99", 4),
    ...options,
    ...payload,
  ];
}

function ipv6(shape: FrameShape, protocol: number, payload: number[]): number[] {
  const headers: { number: number; bytes: (next: number) => number[] }[] = [];
  if (shape.extensions === true) {
    headers.push({ number: 0, bytes: (next) => [next, 0, 1, 4, 0, 0, 0, 0] });
    headers.push({ number: 60, bytes: (next) => [next, 1, 1, 12, ...Array.from({ length: 12 }, () => 0)] });
  }
  if (shape.fragment !== undefined) {
    const field = shape.fragment;
    headers.push({ number: 44, bytes: (next) => [next, 0, ...u16(field), 0, 0, 0, 7] });
  }
  const extensions = headers.flatMap(({ bytes }, index) => bytes(headers[index + 1]?.number ?? protocol));
  return [
    ...[0x60, 0, 0, 0, ...u16(extensions.length + payload.length), headers[0]?.number ?? protocol, 64],
    ...addressBytes(shape.source ?? "2001:db8::11", 16),
    ...addressBytes(shape.destination ?? "2001:db8:0:1::99", 16),
    ...extensions,
    ...payload,
  ];
}
