import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressBytes,
  byteSource,
  ipv6Text,
  padded,
  parseIpv4,
  parseIpv6,
} from "../../../agents/sctp/base/bytes.ts";
import { crc32c } from "../../../agents/sctp/base/crc32c.ts";

describe("crc32c", () => {
  // RFC 3720 appendix B.4, and the check value of the CRC catalogues.
  test.each([
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
    [new TextEncoder().encode("123456789"), 0xe3069283],
    [new Uint8Array(0), 0],
  ])("known answers", (bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  test("eight bytes at a time gives what one bit at a time gives, over pieces too", () => {
    const bitwise = (bytes: Uint8Array): number => {
      let crc = ~0;
      for (const byte of bytes) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
      }
      return ~crc >>> 0;
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
        const at = Math.min(cut, bytes.length);
        expect(crc32c(bytes)).toBe(bitwise(bytes));
        expect(crc32c(bytes, at, bytes.length, crc32c(bytes, 0, at))).toBe(bitwise(bytes));
      }),
    );
  });
});

describe("addresses", () => {
  test.each([
    ["2001:db8:0:0:0:0:0:1", "2001:db8::1"],
    ["2001:DB8::0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["1::", "1::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ])("RFC 5952: %s is written %s", (text, expected) => {
    const bytes = parseIpv6(text);
    expect(bytes && ipv6Text(byteSource(bytes).view, 0)).toBe(expected);
  });

  test.each([
    "",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "12345::",
    "g::",
    "1.2.3.4::",
    "1:2:3:4:5:6:7::8:9",
  ])("%j is no IPv6 address", (text) => expect(parseIpv6(text)).toBeUndefined());

  test.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "a.b.c.d"])(
    "%j is no IPv4 address",
    (text) => expect(parseIpv4(text)).toBeUndefined(),
  );

  test("any sixteen bytes survive text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 }),
        (octets) => {
          const text = ipv6Text(byteSource(Uint8Array.from(octets)).view, 0);
          expect([...addressBytes(text, 16)]).toEqual(octets);
        },
      ),
    );
  });

  test("our own wrong address is loud", () => {
    expect(() => addressBytes("::1", 4)).toThrow(/broken rule/);
  });
});

test("padding goes to multiples of four", () => {
  expect([0, 1, 4, 5, 65535].map(padded)).toEqual([0, 4, 4, 8, 65536]);
});
