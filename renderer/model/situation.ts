import type {
  LadderWindow,
  LeaseHeld,
  PolicyInForce,
  RunOverview,
  Service,
} from "../../main/api/contract.ts";

/** Who served at an instant, under what, and how far the holder was behind. */
export interface Situation {
  readonly service?: Service;
  /** Nobody serves: the instance that did is gone, and no other one has taken its place yet. */
  readonly nobody: boolean;
  readonly policy?: PolicyInForce;
  /** The last lease that the holder had acknowledged to the instance that serves. */
  readonly lease?: LeaseHeld;
  readonly lag?: { readonly lagUs: number; readonly lost: boolean };
}

/** @param ladder a window with the instant in it, where one is at hand: only it knows the lag */
export function situationAt(
  overview: RunOverview,
  ladder: LadderWindow | undefined,
  atUs: number,
): Situation {
  const service = overview.services.findLast(({ fromUs }) => fromUs <= atUs);
  const policy = overview.policies.findLast((each) => each.atUs <= atUs) ?? policyOfTerms(overview);
  const lease = overview.leases.findLast(
    (each) => each.atUs <= atUs && each.host === service?.host && each.atUs >= service.fromUs,
  );
  const covered = ladder !== undefined && ladder.fromUs <= atUs && ladder.toUs >= atUs;
  const slice = covered ? ladder.lag.find(({ fromUs, toUs }) => fromUs <= atUs && atUs < toUs) : undefined;
  return {
    nobody: service === undefined || atUs > service.toUs,
    ...(service === undefined ? {} : { service }),
    ...(policy === undefined ? {} : { policy }),
    ...(lease === undefined ? {} : { lease }),
    ...(covered ? { lag: { lagUs: slice?.lagUs ?? 0, lost: slice?.lost ?? false } } : {}),
  };
}

/**
 * The role of a member at an instant, from who serves; what its own last word about it was (`reported`) may be
 * older: nobody writes down that it is no longer the primary.
 */
export function roleAt({ service, nobody }: Situation, host: "a" | "b", reported: string): string {
  if (service === undefined || reported.startsWith("dead")) return reported;
  if (service.host === host) return nobody ? reported : `serves, epoch ${service.epoch}`;
  return reported.includes("primary") ? "no longer primary" : reported;
}

function policyOfTerms({ terms, fromUs }: RunOverview): PolicyInForce | undefined {
  const { policy, placement, fencing } = terms;
  if (policy === undefined) return undefined;
  return {
    atUs: fromUs,
    policy,
    ...(placement === undefined ? {} : { placement }),
    ...(fencing === undefined ? {} : { fencing }),
  };
}
