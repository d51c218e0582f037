/** A property that does not hold. The simulator ends a run with it and prints the seed. */
export class PropertyViolation extends Error {
  readonly property: string;

  constructor(property: string, detail: string) {
    super(`${property}: ${detail}`);
    this.name = "PropertyViolation";
    this.property = property;
  }
}

export function hold(condition: boolean, property: string, detail: () => string): asserts condition {
  if (!condition) throw new PropertyViolation(property, detail());
}

/** Signed steps from `base` to `value` on the ring of 2^32 numbers. */
export const steps = (base: number, value: number): number => (value - base) | 0;
