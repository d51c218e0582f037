import type { BuiltInApplication } from "../../../agents/application/index.ts";
import { parseApplication } from "../../../agents/application/index.ts";
import type { PeerKind } from "./setting.ts";

/** What runs on the outside computer when an application runs on the cluster, and who of the two has a load. */
export interface ApplicationPlan {
  readonly peer: BuiltInApplication;
  readonly clusterSends: boolean;
  readonly peerSends: boolean;
}

const plans: Readonly<Record<BuiltInApplication, ApplicationPlan>> = {
  numbered: { peer: "numbered", clusterSends: true, peerSends: true },
  source: { peer: "sink", clusterSends: true, peerSends: false },
  sink: { peer: "source", clusterSends: false, peerSends: true },
  checker: { peer: "source", clusterSends: false, peerSends: true },
  echo: { peer: "source", clusterSends: false, peerSends: true },
  requester: { peer: "responder", clusterSends: true, peerSends: false },
  responder: { peer: "requester", clusterSends: false, peerSends: true },
};

/** A module gets numbered messages, and sends what it likes. */
const planOfModule: ApplicationPlan = { peer: "source", clusterSends: false, peerSends: true };

export function planFor(application: string): ApplicationPlan {
  const parsed = parseApplication(application);
  return parsed.ok && parsed.choice.kind === "built-in" ? plans[parsed.choice.name] : planOfModule;
}

/** An outside computer that is not ours numbers messages and sends `down` ones back, and can do nothing else. */
export function suitsPeer(application: string, peer: PeerKind): boolean {
  const { peer: wanted } = planFor(application);
  return peer === "agent" || peer === "cluster" || (wanted !== "responder" && wanted !== "requester");
}
