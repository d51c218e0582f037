import { expect, test } from "vitest";
import { chunkAction, chunkTypeName, parameterAction } from "../../../agents/sctp/wire/index.ts";

test("the highest two bits of an unknown type say what to do", () => {
  expect([0x10, 0x50, 0xb0, 0xf0].map(chunkAction)).toEqual([
    { skip: false, report: false },
    { skip: false, report: true },
    { skip: true, report: false },
    { skip: true, report: true },
  ]);
  expect([0x0010, 0x4010, 0x8010, 0xc010].map(parameterAction)).toEqual([
    { skip: false, report: false },
    { skip: false, report: true },
    { skip: true, report: false },
    { skip: true, report: true },
  ]);
});

test("chunk types have their names", () => {
  expect([0, 2, 14, 192, 200].map(chunkTypeName)).toEqual([
    "DATA",
    "INIT_ACK",
    "SHUTDOWN_COMPLETE",
    "FORWARD_TSN",
    "UNKNOWN(200)",
  ]);
});
