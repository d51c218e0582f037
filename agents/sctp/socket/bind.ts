import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { done, refuse } from "./errno.ts";
import type { Port, Socket } from "./socket.ts";

/** RFC 6335 section 6: the dynamic ports. */
const firstEphemeralPort = 49_152;
const ephemeralPorts = 16_384;

const isWildcard = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** RFC 6458 sections 3.1.2, 4.1.2 and 9.1: `port` 0 asks for an ephemeral one, a wildcard for all addresses. */
export function bind(
  core: StackCore,
  socket: Socket,
  addresses: readonly string[],
  port: number,
): Answer<undefined> {
  if (socket.port !== undefined || addresses.length === 0 || !isPort(port)) return refuse("EINVAL");
  const all = core.config.localAddresses.filter(
    (address) => socket.family === "ipv6" || !address.includes(":"),
  );
  const wanted = addresses.some(isWildcard) ? all : [...new Set(addresses)];
  if (wanted.length === 0 || !wanted.every((address) => all.includes(address)))
    return refuse("EADDRNOTAVAIL");
  const number = port === 0 ? ephemeralPort(core, wanted) : port;
  if (number === undefined || !isFree(core, number, wanted)) return refuse("EADDRINUSE");
  const made = core.makePort(number, wanted, socket.parameters);
  made.owner = socket;
  made.endpoint.useKeys(socket.keys.snapshot());
  socket.port = made;
  core.ports.set(number, [...(core.ports.get(number) ?? []), made]);
  return done;
}

export const isPort = (port: number): boolean => Number.isInteger(port) && port >= 0 && port <= 0xffff;

/** Whether no port but `own` is reached at one of these addresses. */
export const isFree = (core: StackCore, number: number, addresses: readonly string[], own?: Port): boolean =>
  core.ports.get(number)?.some((port) => port !== own && addresses.some((each) => port.serves(each))) !==
  true;

/** Starts at a random one (RFC 6056 section 3.3.1), so that nobody can guess the next. */
function ephemeralPort(core: StackCore, addresses: readonly string[]): number | undefined {
  const start = core.random.uint32();
  for (let step = 0; step < ephemeralPorts; step++) {
    const number = firstEphemeralPort + ((start + step) % ephemeralPorts);
    if (isFree(core, number, addresses)) return number;
  }
  return undefined;
}
