import { describe, expect, it } from "vitest";
import { interleaved } from "./kit.ts";
import { chunk, reassemblyCases as cases } from "./reassembly-cases.ts";

const words = (deliveries: readonly { readonly payload: Uint8Array }[]): string[] =>
  deliveries.map(({ payload }) => new TextDecoder().decode(payload));

describe("2.2.3 stream, U, MID and FSN make the message, not the TSN", () => {
  it.each(cases)("%s, a packet a chunk", (_, chunks, expected) => {
    const { peer, user } = interleaved();
    const got = chunks.map((each) => {
      peer.sends(chunk(each));
      return words(user.takes());
    });
    expect(got).toEqual(expected);
    expect(user.state).toBe("established");
  });

  it.each(cases)("%s, in one packet", (_, chunks, expected) => {
    const { peer, user } = interleaved();
    peer.sends(...chunks.map(chunk));
    expect(words(user.takes())).toEqual(expected.flat());
    const all = Math.max(...chunks.map(([tsn]) => tsn));
    peer.gets({ type: "SACK", cumulativeTsn: all, gaps: [] });
  });

  it.each(cases)("%s, each packet twice: the second is a duplicate", (_, chunks, expected) => {
    const { peer, user } = interleaved();
    const got = chunks.map((each) => {
      peer.sends(chunk(each));
      peer.skips(500);
      peer.sends(chunk(each));
      peer.gets({ type: "SACK", duplicates: [each[0]] });
      return words(user.takes());
    });
    expect(got).toEqual(expected);
  });
});
