import type { Extensions, ProtocolParameters } from "../sctp/index.ts";
import { socketExtensions, socketParameters } from "../sctp/index.ts";
import type { Request } from "./fields.ts";
import { countField, optionalCount, optionalFlag, textField, textsField } from "./fields.ts";

const ipHeaderBytes = 20;

/** The feature switches of the contract that are extensions of the stack. */
const extensionOf = {
  ecn: "ecn",
  pr: "partialReliability",
  auth: "authentication",
  asconf: "addressReconfiguration",
  reconfig: "streamReconfiguration",
} as const satisfies Readonly<Record<string, keyof Extensions>>;

/** Features that the stack does not have: they can be switched off, not on. */
const missingFeatures = ["nrsack", "pktdrop"] as const;

const timerOf = {
  rto_min: "rtoMinMs",
  rto_initial: "rtoInitialMs",
  rto_max: "rtoMaxMs",
} as const satisfies Readonly<Record<string, keyof ProtocolParameters>>;

/** What `hello` says. */
export interface Hello {
  readonly transport: "json" | "udp";
  readonly localAddresses: readonly string[];
  readonly localUdpPort: number;
  readonly peerUdpPort: number;
  readonly parameters: ProtocolParameters;
}

export type Switched =
  | { readonly ok: true; readonly parameters: ProtocolParameters }
  | { readonly ok: false };

/** Applies the feature switches in a request; not ok where one asks for what does not exist. */
export function switchFeatures(parameters: ProtocolParameters, request: Request): Switched {
  const extensions: Record<keyof Extensions, boolean> = { ...parameters.extensions };
  for (const [name, extension] of Object.entries(extensionOf)) {
    const on = optionalFlag(request, name);
    if (on === true && !socketExtensions[extension]) return { ok: false };
    if (on !== undefined) extensions[extension] = on;
  }
  if (missingFeatures.some((name) => optionalFlag(request, name) === true)) return { ok: false };
  const timers: { -readonly [K in (typeof timerOf)[keyof typeof timerOf]]?: number } = {};
  for (const [name, timer] of Object.entries(timerOf)) {
    const valueMs = optionalCount(request, name);
    if (valueMs !== undefined) timers[timer] = valueMs;
  }
  return { ok: true, parameters: { ...parameters, ...timers, extensions } };
}

export const namesFeature = (request: Request): boolean =>
  [...Object.keys(extensionOf), ...Object.keys(timerOf), ...missingFeatures].some((name) => name in request);

/** Reads `hello`; undefined where it asks for a mode or a feature that does not exist. */
export function readHello(request: Request): Hello | undefined {
  const transport = textField(request, "transport");
  const clock = textField(request, "clock");
  if (countField(request, "contract") !== 1) return undefined;
  const isKnown = (transport === "json" && clock === "virtual") || (transport === "udp" && clock === "real");
  if (!isKnown) return undefined;
  const packetSizeBytes = countField(request, "mtu", 1500) - ipHeaderBytes;
  const limits = { packetSizeBytes, largestPacketBytes: packetSizeBytes };
  const switched = switchFeatures({ ...socketParameters, ...limits }, request);
  if (!switched.ok) return undefined;
  return {
    transport,
    localAddresses: textsField(request, "local_ips") ?? [textField(request, "local_ip")],
    localUdpPort: countField(request, "local_udp", 0),
    peerUdpPort: countField(request, "peer_udp", 0),
    parameters: switched.parameters,
  };
}
