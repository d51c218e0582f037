import { expect, it } from "vitest";
import {
  announcementFrame,
  claimantIn,
  linkAddressOf,
  linkAddressText,
  probeFrame,
} from "../../agents/host/neighbour-frames.ts";

const own = linkAddressOf("02:00:00:00:00:0b");
const other = linkAddressOf("02:00:00:00:00:0a");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const claimant = (bytes: Uint8Array, from: Uint8Array, address: string): string | undefined => {
  const found = claimantIn(bytes, from, address, own);
  return found === undefined ? undefined : linkAddressText(found);
};

/** RFC 826, octet by octet: hardware, protocol, lengths, operation, sender, its address, target, its address. */
const arp = (operation: number, sender: string, senderAddress: string, target: string): Uint8Array =>
  new Uint8Array(
    Buffer.from(`000108000604000${operation}${sender}${senderAddress}000000000000${target}`, "hex"),
  );

it("an ARP probe names no sender address, and goes to everybody", () => {
  const { to, bytes } = probeFrame("192.0.2.11", own);
  expect(hex(to)).toBe("ffffffffffff");
  expect(hex(bytes)).toBe(hex(arp(1, "02000000000b", "00000000", "c000020b")));
});

it("an ARP announcement is a request of the address for itself", () => {
  const { to, bytes } = announcementFrame("192.0.2.11", other);
  expect(hex(to)).toBe("ffffffffffff");
  expect(hex(bytes)).toBe(hex(arp(1, "02000000000a", "c000020b", "c000020b")));
});

it("an answer, an announcement and a probe of another one are claims of the address; a question for it is none", () => {
  const claims = [
    arp(2, "02000000000a", "c000020b", "00000000"),
    arp(1, "02000000000a", "c000020b", "c000020b"),
    arp(1, "02000000000a", "c000020b", "c0000214"),
    arp(1, "02000000000a", "00000000", "c000020b"),
  ];
  for (const bytes of claims) expect(claimant(bytes, other, "192.0.2.11")).toBe("02:00:00:00:00:0a");
  const others = [
    arp(1, "02000000000a", "c0000214", "c000020b"),
    arp(2, "02000000000a", "c000020c", "c000020b"),
    arp(1, "02000000000b", "c000020b", "c000020b"),
    arp(2, "02000000000a", "c000020b", "00000000").subarray(0, 27),
  ];
  for (const bytes of others) expect(claimant(bytes, other, "192.0.2.11")).toBeUndefined();
});

/** RFC 1071: the sum over pseudo header and message, its checksum in it, is all ones. */
function checksumIsGood(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  let sum = packet.length - 40 + 58;
  for (let at = 8; at < packet.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

const address = "2001:db8::11";
const address16 = "20010db8000000000000000000000011";

it("a neighbour solicitation comes from the unspecified address and goes to the solicited-node group", () => {
  const { to, bytes } = probeFrame(address, own);
  expect(hex(to)).toBe("3333ff000011");
  expect(hex(bytes.subarray(0, 8))).toBe("6000000000183aff");
  expect(hex(bytes.subarray(8, 24))).toBe("0".repeat(32));
  expect(hex(bytes.subarray(24, 40))).toBe("ff0200000000000000000001ff000011");
  expect(hex(bytes.subarray(40, 42))).toBe("8700");
  expect(hex(bytes.subarray(44))).toBe(`00000000${address16}`);
  expect(checksumIsGood(bytes)).toBe(true);
});

it("an unsolicited neighbour advertisement overrides, and carries the owner's link-layer address", () => {
  const { to, bytes } = announcementFrame(address, other);
  expect(hex(to)).toBe("333300000001");
  expect(hex(bytes.subarray(8, 40))).toBe(`${address16}ff020000000000000000000000000001`);
  expect(hex(bytes.subarray(40, 42))).toBe("8800");
  expect(hex(bytes.subarray(44))).toBe(`20000000${address16}020102000000000a`);
  expect(checksumIsGood(bytes)).toBe(true);
  expect(claimant(bytes, other, address)).toBe("02:00:00:00:00:0a");
  expect(claimant(bytes, own, address)).toBeUndefined();
  expect(claimant(bytes, other, "2001:db8::12")).toBeUndefined();
});

it("who solicits from the unspecified address is about to have the address; who asks for its neighbour is not", () => {
  const { bytes } = probeFrame(address, other);
  expect(claimant(bytes, other, address)).toBe("02:00:00:00:00:0a");
  const question = bytes.slice();
  question[23] = 1;
  expect(claimant(question, other, address)).toBeUndefined();
});
