import type { EndpointConfig, RandomSource } from "../../../agents/sctp/index.ts";
import {
  AddsWithoutAsking,
  AsksTwiceAtOnce,
  ChangesItsAnswers,
  DeniesItselfTheReset,
  DoesNotWaitForTheReset,
  EchoesOnce,
  HalvesWithEachEcho,
  KeepsTheOldKey,
  LeavesAuthOut,
  NeverHalves,
  NeverSaysCwr,
  RestoreForgetsKeys,
  SignsWrong,
  TakesForgedPackets,
  bendsAsconf,
  bendsReConfig,
  isRequest,
  outgoingParameter,
  reConfigParameter,
  responseParameter,
  usesAddress,
  viewOf,
} from "./extension-faults.ts";
import type { Mutant } from "./mutant-tools.ts";
import type { PortFactory, RealPort } from "./port.ts";

const make =
  (Port: new (config: EndpointConfig, random: RandomSource) => RealPort): PortFactory =>
  (config, random) =>
    new Port(config, random);

const isOutgoing = (bytes: Uint8Array): boolean => reConfigParameter(bytes) === outgoingParameter;
/** A response that carries the next TSNs. */
const isTsnResponse = (bytes: Uint8Array): boolean =>
  reConfigParameter(bytes) === responseParameter && viewOf(bytes).getUint16(18) >= 20;

export const extensionMutants: readonly Mutant[] = [
  {
    name: "a stream that was reset goes on with its numbers",
    withinSeeds: 100,
    properties: ["messages of a stream are numbered one by one, from 0 after a reset"],
    make: make(DeniesItselfTheReset),
  },
  {
    name: "two re-configuration requests are in flight",
    withinSeeds: 50,
    properties: ["one re-configuration request is in flight (RFC 6525 section 5.1.1)"],
    make: make(AsksTwiceAtOnce),
  },
  {
    name: "re-configuration requests skip a number",
    withinSeeds: 50,
    properties: ["re-configuration requests are numbered one by one (RFC 6525 section 4.1)"],
    make: bendsReConfig(20, 1, isRequest),
  },
  {
    name: "an outgoing reset names another TSN than the last",
    withinSeeds: 50,
    properties: ["an outgoing reset names the last TSN (RFC 6525 section 4.1)"],
    make: bendsReConfig(28, -1, isOutgoing),
  },
  {
    name: "an SSN/TSN reset names another TSN than the next",
    withinSeeds: 100,
    properties: ["an SSN/TSN reset names the next TSNs (RFC 6525 section 5.2.4)"],
    make: bendsReConfig(28, 1, isTsnResponse),
  },
  {
    name: "an answer to a re-configuration request changes",
    withinSeeds: 100,
    properties: ["an answer stays what it was"],
    make: make(ChangesItsAnswers),
  },
  {
    name: "data goes on in streams whose reset is not answered",
    withinSeeds: 100,
    properties: ["streams are quiet until their reset is answered (RFC 6525 section 5.1.2, A1)"],
    make: make(DoesNotWaitForTheReset),
  },
  {
    name: "AUTH is left out",
    withinSeeds: 20,
    properties: ["AUTH stands in front of what has to be authenticated (RFC 4895 section 6.2)"],
    make: make(LeavesAuthOut),
  },
  {
    name: "AUTH has a wrong HMAC",
    withinSeeds: 20,
    properties: ["the HMAC of AUTH is right (RFC 4895 section 6.2)"],
    make: make(SignsWrong),
  },
  {
    name: "forged packets are taken for good",
    withinSeeds: 100,
    properties: [
      "content is intact",
      "a SACK acknowledges only what arrived",
      "no endpoint accuses the other",
    ],
    make: make(TakesForgedPackets),
  },
  {
    name: "another key is used than the active one",
    withinSeeds: 50,
    properties: ["what is sent is authenticated with the active key"],
    make: make(KeepsTheOldKey),
  },
  {
    name: "a restore forgets shared keys",
    withinSeeds: 200,
    properties: ["a restore is not noticed", "what is sent is authenticated with the active key"],
    make: make(RestoreForgetsKeys),
  },
  {
    name: "ASCONF skips a serial number",
    withinSeeds: 50,
    properties: ["ASCONF serial numbers follow one another (RFC 5061 section 5.1, A2)"],
    make: bendsAsconf(false),
  },
  {
    name: "two ASCONFs are in flight",
    withinSeeds: 50,
    properties: ["one ASCONF is in flight (RFC 5061 section 5.1.1, C1)"],
    make: bendsAsconf(true),
  },
  {
    name: "packets leave from a deleted address",
    withinSeeds: 100,
    properties: ["nothing leaves from a deleted address (RFC 5061 section 5.3)"],
    make: usesAddress(
      (told) =>
        told.type === "local-address-change" && told.change === "delete" && told.accepted
          ? told.address
          : undefined,
      (packet, local) => ({ ...packet, local }),
    ),
  },
  {
    name: "packets leave from an address that is not acknowledged yet",
    withinSeeds: 50,
    properties: ["only ASCONF leaves from an address before it is acknowledged (RFC 5061 section 5.3, F1)"],
    make: make(AddsWithoutAsking),
  },
  {
    name: "packets go to a deleted address",
    withinSeeds: 100,
    properties: ["nothing goes to a deleted address (RFC 5061 section 5.3, F13)"],
    make: usesAddress(
      (told) => (told.type === "peer-address-change" && told.state === "removed" ? told.address : undefined),
      (packet, remote) => ({ ...packet, remote }),
    ),
  },
  {
    name: "data goes to an address that is not confirmed",
    withinSeeds: 100,
    properties: ["data goes to confirmed addresses only (RFC 9260 section 5.4)"],
    make: usesAddress(
      (told) => (told.type === "peer-address-change" && told.state === "added" ? told.address : undefined),
      (packet, remote) => (packet.reason === "data" ? { ...packet, remote } : packet),
    ),
  },
  {
    name: "congestion is echoed once",
    withinSeeds: 50,
    properties: ["ECNE comes with each SACK until CWR (RFC 4960 appendix A)"],
    make: make(EchoesOnce),
  },
  {
    name: "ECNE is not answered",
    withinSeeds: 50,
    properties: ["ECNE is answered by CWR (RFC 4960 appendix A)"],
    make: make(NeverSaysCwr),
  },
  {
    name: "the window is halved by each ECNE",
    withinSeeds: 200,
    properties: ["ECNE halves the window once a round trip (RFC 4960 appendix A)"],
    make: make(HalvesWithEachEcho),
  },
  {
    name: "the window is not halved by ECNE",
    withinSeeds: 200,
    properties: ["ECNE halves the congestion window (RFC 4960 appendix A)"],
    make: make(NeverHalves),
  },
];
