import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import { FULL, established } from "./kit.ts";
import type { Script } from "./kit.ts";
import { sack } from "./sketches.ts";

/** Both sides know FORWARD TSN. */
const agreed = (): Script =>
  established({
    parameters: { extensions: { ...noExtensions, partialReliability: true } },
    peerParameters: [{ type: "FORWARD_TSN_SUPPORTED" }],
  });

describe("RFC 3758 section 3.5: FORWARD TSN", () => {
  it("follows at once where the rest of a message is given up instead of being sent", () => {
    const { peer, user } = agreed();
    user.sends({ size: 10 * FULL, reliability: { policy: "timed", lifetimeMs: 500 } });
    expect(peer.skips(600)).toHaveLength(4);
    // It opens the window again, but what would be sent now has expired: TSN 5 stands for all the rest.
    peer.sends(sack(2));
    peer.gets({ type: "FORWARD_TSN", newCumulativeTsn: 5 });
    expect(user.hears()).toContain("send-failed");
    peer.sends(sack(5));
    peer.getsNothingFor(100_000);
  });

  it("and so it does in a restored endpoint", () => {
    const { peer, user } = agreed();
    user.sends({ size: 10 * FULL, reliability: { policy: "timed", lifetimeMs: 500 } });
    expect(peer.skips(600)).toHaveLength(4);
    peer.restores();
    peer.getsNothing();
    peer.sends(sack(2));
    peer.gets({ type: "FORWARD_TSN", newCumulativeTsn: 5 });
    peer.restores();
    peer.sends(sack(5));
    peer.getsNothingFor(100_000);
  });
});
