/**
 * An application of one's own, for `docs/applications.md`: it adds up the numbers that the peer sends as text,
 * answers each with the sum so far, and says the sum by itself every second while there is one.
 *
 * @returns {import("../agents/application/module.ts").ApplicationModule}
 */
export default function makeTally() {
  let sum = 0;
  let nextReportMs = 0;
  const text = (line) => new TextEncoder().encode(line);

  return {
    onMessage({ streamId, payload }) {
      const number = Number(new TextDecoder().decode(payload));
      // What is thrown here ends this application with one sentence in the record, and not the association.
      if (!Number.isFinite(number)) throw new Error(`the peer sent no number on stream ${streamId}`);
      sum += number;
      return { streamId, payload: text(`sum ${sum}`) };
    },

    send(nowMs) {
      if (sum === 0) return undefined;
      if (nowMs < nextReportMs) return nextReportMs;
      nextReportMs = nowMs + 1000;
      return { streamId: 0, payload: text(`report ${sum}`) };
    },

    snapshot: () => text(JSON.stringify({ sum, nextReportMs })),

    restore(bytes) {
      ({ sum, nextReportMs } = JSON.parse(new TextDecoder().decode(bytes)));
    },
  };
}
