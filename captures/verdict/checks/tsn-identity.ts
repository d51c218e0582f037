import type { Tsn } from "../../../agents/sctp/base/serial.ts";
import { tsn, tsnLess } from "../../../agents/sctp/base/serial.ts";
import type { ChunkSummary } from "../../dissect/summary.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import type { WireTransmission } from "../handshake.ts";
import type { Scene } from "../scene.ts";
import type { TsnSide } from "../wire-tsns.ts";

/** What a TSN stands for, as far as the summary tells; the I bit may differ between copies (RFC 9260 section 3.3.1). */
function contentOf(chunk: ChunkSummary): string {
  const flags = `${chunk.unordered ? "U" : ""}${chunk.beginning ? "B" : ""}${chunk.ending ? "E" : ""}`;
  return `stream ${chunk.streamId}, ssn ${chunk.ssn ?? "none"}, ppid ${chunk.ppid ?? "none"}, ${chunk.payloadBytes} B, flags ${flags || "none"}`;
}

/**
 * A TSN that the peer has acknowledged is a duplicate to it, whatever it carries: it is discarded and answered by a
 * SACK at once (RFC 9260 section 6.2). An instance that goes on from an older state asks for that SACK so, and
 * may no longer have the payload.
 */
class Probes {
  readonly #askers: ReadonlyMap<string, number>;
  /** By the side that has sent it. */
  readonly #acknowledged = new Map<TsnSide, Tsn>();
  count = 0;

  constructor({ history }: Scene) {
    const probing = history.events.filter(
      ({ name, detail }) => name === "recovery-step" && detail["step"] === "probe",
    );
    this.#askers = new Map(probing.toReversed().map(({ host, at }) => [host, at]));
  }

  /** In order of time: what each side has. */
  note({ toward, packet }: WireTransmission): void {
    const by = toward === "cluster" ? "peer" : "cluster";
    for (const { type, cumulativeTsn } of packet.sctp.chunks) {
      if (type !== "SACK" || cumulativeTsn === undefined) continue;
      const acknowledged = tsn(cumulativeTsn);
      const before = this.#acknowledged.get(by);
      if (before === undefined || tsnLess(before, acknowledged)) this.#acknowledged.set(by, acknowledged);
    }
  }

  isProbe({ toward, packet }: WireTransmission, value: number): boolean {
    const since = this.#askers.get(packet.host);
    if (since === undefined || packet.at < since) return false;
    const acknowledged = this.#acknowledged.get(toward);
    if (acknowledged === undefined || tsnLess(acknowledged, tsn(value))) return false;
    this.count += 1;
    return true;
  }
}

function examine(scene: Scene): Finding {
  const violations = new EvidenceList();
  const probes = new Probes(scene);
  const contents = { peer: new Map<number, string>(), cluster: new Map<number, string>() };
  for (const transmission of scene.wire) {
    const { packet, toward } = transmission;
    probes.note(transmission);
    for (const chunk of packet.sctp.chunks) {
      if ((chunk.type !== "DATA" && chunk.type !== "I_DATA") || chunk.tsn === undefined) continue;
      if (chunk.malformed !== undefined) continue;
      const content = contentOf(chunk);
      const known = contents[toward].get(chunk.tsn);
      if (known === undefined) contents[toward].set(chunk.tsn, content);
      else if (known !== content && !probes.isProbe(transmission, chunk.tsn)) {
        violations.add({
          text: `TSN ${chunk.tsn} toward the ${toward}: first ${known}; now ${content}`,
          atUs: packet.at,
          packetId: packet.id,
          host: packet.host,
        });
      }
    }
  }
  const count = contents.peer.size + contents.cluster.size;
  if (count === 0) return unknown("no DATA between the cluster and the peer was captured");
  return decide({
    violations,
    failSummary: `${violations.total} TSNs with a second content`,
    passSummary: `${count} TSNs, each with one content${probes.count === 0 ? "" : `; ${probes.count} duplicates to ask for a SACK`}`,
    gap: wireGap(scene.history),
  });
}

export const tsnIdentity: Checker = {
  id: "tsn-identity",
  title: "No TSN carries two payloads",
  rule: "RFC 9260 sections 3.3.1 and 6.1",
  examine,
};
