import type { HostEvent } from "./history.ts";

/** A time in which a member had the outside address of the other one. */
export interface BorrowedAddress {
  readonly host: string;
  readonly address: string;
  readonly fromUs: number;
  /** `Infinity`: to the end of the run. */
  readonly toUs: number;
}

/** From the members' own events, oldest first. */
export function borrowedAddresses(events: readonly HostEvent[]): readonly BorrowedAddress[] {
  const steps = events.filter(({ name }) => name === "address-takeover");
  return steps.flatMap(({ host, at, detail: { address, step } }, index) => {
    if (step !== "taken" || typeof address !== "string") return [];
    const end = steps.slice(index + 1).find((later) => later.host === host);
    return [{ host, address, fromUs: at, toUs: end?.at ?? Number.POSITIVE_INFINITY }];
  });
}

export const hasBorrowed = (
  borrowed: readonly BorrowedAddress[],
  host: string,
  address: string,
  atUs: number,
): boolean =>
  borrowed.some(
    (each) => each.host === host && each.address === address && atUs >= each.fromUs && atUs < each.toUs,
  );
