import { seededRandom } from "../../agents/sctp/index.ts";
import { fraction } from "./endpoints.ts";

export interface Link {
  /** Probability that a packet is lost, each by itself. */
  readonly loss: number;
  readonly rttMs: number;
  /** User data in a packet. */
  readonly messageBytes: number;
  readonly seed: number;
}

export const predictionNotes = `Loss strikes packets with DATA only, each by itself; no bottleneck; SACK for every second packet. Predictions, all
with one packet of growth a round trip, since RFC 9260 section 7.2.2 counts bytes and not SACKs (b = 1), and RTO 1 s
(RTO.Min): the square root formula of M. Mathis et al., "The macroscopic behavior of the TCP congestion avoidance
algorithm", CCR 27(3), 1997; the full formula of J. Padhye et al., "Modeling TCP throughput", SIGCOMM 1998 (PFTK),
which knows neither SACK blocks nor the floor of four packets under the window; and a model of whole round trips with
what RFC 9260 adds: SACK blocks, one halving a recovery to no less than 4 packets (7.2.3), T3-rtx only where a whole
window or a fast retransmission is lost (7.2.4), and while it runs new packets go on where SACKs come in.
`;

const rtoMs = 1000;
const rtoMaxMs = 60_000;
const modelRounds = 300_000;
/** Section 7.2.3: ssthresh = max(cwnd / 2, 4 * PMTU). */
const floorPackets = 4;

/** Goodput of user data in Mbit/s. */
export function predictedMbits(link: Link): { squareRoot: number; pftk: number; rounds: number } {
  const toMbits = (packetsPerMs: number): number => (packetsPerMs * link.messageBytes * 8) / 1000;
  const { loss: p, rttMs } = link;
  const root = rttMs * Math.sqrt((2 * p) / 3);
  const timeouts = rtoMs * Math.min(1, 3 * Math.sqrt((3 * p) / 8)) * p * (1 + 32 * p * p);
  return {
    squareRoot: toMbits(1 / root),
    pftk: toMbits(1 / (root + timeouts)),
    rounds: toMbits(roundsModel(link)),
  };
}

/** Packets a millisecond that arrive for the first time, over many rounds. Everything in packets. */
function roundsModel({ loss, rttMs, seed }: Link): number {
  const random = seededRandom(seed + 1000);
  const lost = (): boolean => fraction(random) < loss;
  let window = floorPackets;
  let threshold = Number.POSITIVE_INFINITY;
  let elapsedMs = 0;
  let arrived = 0;

  /** T3-rtx expires, again and again until a retransmission arrives; then slow start from one packet. */
  const timeOut = (): void => {
    threshold = Math.max(window / 2, floorPackets);
    for (let waitMs = 2 * rtoMs; lost(); waitMs = Math.min(2 * waitMs, rtoMaxMs)) elapsedMs += waitMs;
    elapsedMs += rttMs;
    arrived += 1;
    window = 2;
  };

  for (let round = 0; round < modelRounds; round++) {
    const packets = Math.max(1, Math.floor(window));
    let losses = 0;
    for (let packet = 0; packet < packets; packet++) if (lost()) losses += 1;
    elapsedMs += rttMs;
    arrived += packets - losses;
    if (losses === 0) {
      window += window < threshold ? Math.min(window / 2, threshold - window) : 1;
    } else if (losses === packets) {
      elapsedMs += rtoMs;
      timeOut();
    } else {
      threshold = Math.max(window / 2, floorPackets);
      window = threshold;
      let lostAgain = false;
      for (let packet = 0; packet < losses; packet++) {
        if (lost()) lostAgain = true;
        else arrived += 1;
      }
      if (!lostAgain) continue;
      // Until T3-rtx expires the window stands still, and each SACK lets a new packet through.
      elapsedMs += rtoMs;
      arrived += Math.floor(window) * (1 - loss) * (rtoMs / rttMs);
      timeOut();
    }
  }
  return arrived / elapsedMs;
}
