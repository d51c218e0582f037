import type { AsconfChunk, Cause, Parameter } from "../wire/index.ts";
import { parameterAction, parseChunkAt, writeChunk, writeParameter } from "../wire/index.ts";
import { changeAsconf, mayReconfigureAddresses } from "./asconf.ts";
import type { AssociationCore } from "./core.ts";
import type { Route } from "./outputs.ts";
import { addPath, removePath } from "./path-set.ts";
import { isUsableAddress, isWildcard } from "./peer-address.ts";
import { setPrimary } from "./settings.ts";

/** The side of RFC 5061 that is asked: changes of the peer's addresses (sections 5.2 and 5.3). */

/** Answers that are kept: a peer may send what was not answered together with something new (section 5.5). */
const maxAnswers = 8;
/** Requests in one ASCONF: the refusals of all of them fit into a packet. */
const maxRequests = 24;

type Request = Extract<Parameter, { type: "ADD_IP_ADDRESS" | "DELETE_IP_ADDRESS" | "SET_PRIMARY_ADDRESS" }>;

export function receiveAsconf(core: AssociationCore, chunk: AsconfChunk, route: Route, nowMs: number): void {
  if (!mayReconfigureAddresses(core)) return;
  const { peerSerial, answers } = core.state.asconf;
  if (chunk.serialNumber === (peerSerial + 1) >>> 0) {
    const parameters = process(core, chunk.parameters, route, nowMs);
    const answer = writeChunk({ type: "ASCONF_ACK", serialNumber: chunk.serialNumber, parameters });
    changeAsconf(core, {
      peerSerial: chunk.serialNumber,
      answers: [...answers.slice(1 - maxAnswers), { serial: chunk.serialNumber, chunk: answer }],
    });
  }
  // Section 5.2, E2: what was answered is answered again; anything else is old, or an attack (E5).
  const cached = core.state.asconf.answers.findLast(({ serial }) => serial === chunk.serialNumber);
  if (cached === undefined) return;
  // A late one may come from an address that was deleted since, where nothing is to be sent any more (section 5.3, F13).
  if (chunk.serialNumber !== core.state.asconf.peerSerial && !core.paths.has(route.remote)) return;
  const { parsed } = parseChunkAt(cached.chunk, 0);
  if (!("type" in parsed)) return;
  core.answer({ chunk: parsed, route, reason: "address-change", dependsOn: core.state.sequence });
}

/** What stands in the answer; nothing means success (section 4.1.2). */
function process(
  core: AssociationCore,
  parameters: readonly Parameter[],
  route: Route,
  nowMs: number,
): readonly Parameter[] {
  const responses: Parameter[] = [];
  let failing = false;
  for (const [place, parameter] of parameters.entries()) {
    const refuse = (correlationId: number, cause: Cause): void => {
      responses.push({ type: "ERROR_CAUSE_INDICATION", correlationId, causes: [cause] });
    };
    if (!isRequest(parameter)) {
      if (parameter.type !== "UNKNOWN") continue;
      const { skip, report } = parameterAction(parameter.typeNumber);
      const [a = 0, b = 0, c = 0, d = 0] = parameter.value;
      const value = writeParameter(parameter).slice(0, 64);
      if (report)
        refuse(((a << 24) | (b << 16) | (c << 8) | d) >>> 0, {
          type: "UNRECOGNIZED_PARAMETERS",
          code: 8,
          value,
        });
      if (!skip) break;
      continue;
    }
    const { correlationId } = parameter;
    const changesSet = parameter.type !== "SET_PRIMARY_ADDRESS";
    if (place >= maxRequests) {
      refuse(correlationId, resourceShortage(parameter));
      break;
    }
    // Section 5.3, F11: once one of these fails, those behind it fail too.
    const cause: Cause | undefined =
      failing && changesSet ? resourceShortage(parameter) : act(core, parameter, route, nowMs);
    if (cause !== undefined) refuse(correlationId, cause);
    // Behind a failure success has to be said (section 5.1, A7).
    else if (responses.length > 0) responses.push({ type: "SUCCESS_INDICATION", correlationId });
    failing ||= changesSet && cause !== undefined;
  }
  return responses;
}

const isRequest = (parameter: Parameter): parameter is Request =>
  parameter.type === "ADD_IP_ADDRESS" ||
  parameter.type === "DELETE_IP_ADDRESS" ||
  parameter.type === "SET_PRIMARY_ADDRESS";

const resourceShortage = (parameter: Request): Cause => ({
  type: "RESOURCE_SHORTAGE",
  code: 0x00a1,
  value: writeParameter(parameter),
});

const unresolvable = ({ address }: Request): Cause => ({
  type: "UNRESOLVABLE_ADDRESS",
  code: 5,
  value: writeParameter(address),
});

/** Does what is asked; answers why not, where it cannot be done. */
function act(core: AssociationCore, request: Request, route: Route, nowMs: number): Cause | undefined {
  const wildcard = isWildcard(request.address.address);
  const address = wildcard ? route.remote : request.address.address;
  if (request.type === "SET_PRIMARY_ADDRESS") return makePrimary(core, request, address);
  if (core.parameters.refusesAddressChanges)
    return { type: "NO_AUTHORIZATION", code: 0x00a4, value: writeParameter(request) };
  if (request.type === "ADD_IP_ADDRESS") return add(core, request, address, route, nowMs);
  if (wildcard) return removeAllBut(core, request, address);
  return remove(core, request, address, route);
}

function add(
  core: AssociationCore,
  request: Request,
  address: string,
  route: Route,
  nowMs: number,
): Cause | undefined {
  if (core.paths.has(address)) return undefined;
  const { localAddresses } = core.state.agreement;
  const sameFamily = localAddresses.some((each) => each.includes(":") === address.includes(":"));
  if (!sameFamily || !isUsableAddress(address, route.remote, localAddresses)) return unresolvable(request);
  if (core.paths.size >= core.parameters.maxPeerAddresses) return resourceShortage(request);
  addPath(core, address, nowMs);
  return undefined;
}

function remove(core: AssociationCore, request: Request, address: string, route: Route): Cause | undefined {
  if (!core.paths.has(address)) return unresolvable(request);
  const value = writeParameter(request);
  if (core.paths.size === 1) return { type: "DELETE_LAST_ADDRESS", code: 0x00a0, value };
  if (address === route.remote) return { type: "DELETE_SOURCE_ADDRESS", code: 0x00a2, value };
  removePath(core, address);
  return undefined;
}

/** Section 4.2.2: with the wildcard all addresses go but the one that the packet came from. */
function removeAllBut(core: AssociationCore, request: Request, source: string): Cause | undefined {
  if (!core.paths.has(source)) return unresolvable(request);
  for (const address of [...core.paths.keys()]) if (address !== source) removePath(core, address);
  return undefined;
}

/** An address that is not confirmed becomes the primary one once it is (RFC 5062 section 5.3). */
function makePrimary(core: AssociationCore, request: Request, address: string): Cause | undefined {
  if (!core.paths.has(address)) return unresolvable(request);
  if (!setPrimary(core, address)) core.wantedPrimary = address;
  else core.wantedPrimary = undefined;
  return undefined;
}
