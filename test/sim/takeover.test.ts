import { describe, it } from "vitest";
import { quietNetwork } from "./network.ts";
import { failover, judge, lossy, smallMessages } from "./scenario.ts";

describe("takeover on virtual time", () => {
  it.each(Array.from({ length: 40 }, (_, index) => index + 1))(
    "loses nothing on a quiet network, seed %i",
    (seed) => {
      judge(failover(seed, smallMessages, quietNetwork, 0.2 + (seed % 5)), seed);
    },
  );

  it.each(Array.from({ length: 60 }, (_, index) => index + 1001))(
    "loses nothing on a lossy network, seed %i",
    (seed) => {
      judge(failover(seed, smallMessages, lossy, 0.2 + (seed % 7)), seed);
    },
  );
});
