/** The desk's clock, in microseconds since 1970, by which a run's records are written. */
export const nowMicros = (): number => Math.round((performance.timeOrigin + performance.now()) * 1000);
