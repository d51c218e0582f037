import { expect, it } from "vitest";
import { seededRandom } from "../../../agents/sctp/index.ts";
import { endpointConfig } from "../endpoints.ts";
import { HostKeys } from "./host-keys.ts";
import { RealPort } from "./port.ts";

const aPort = (): RealPort => new RealPort(endpointConfig(["192.0.2.1"], false), seededRandom(1));
const isThere = (port: RealPort, keyId: number): boolean =>
  port.changeKey("deactivate", undefined, keyId) !== "no-such-key";

it("a key that was only set goes when it is deleted", () => {
  const keys = new HostKeys();
  const port = aPort();
  keys.set(port, [undefined], 1);
  keys.delete(port, [undefined], 1);
  expect(isThere(port, 1)).toBe(false);
});

it("a process that starts anew has no key that was deleted before", () => {
  const keys = new HostKeys();
  const port = aPort();
  keys.set(port, [undefined], 1);
  keys.use(port, [undefined], 1);
  keys.delete(port, [undefined], 0);
  const next = aPort();
  keys.giveTo(next);
  expect(isThere(next, 0)).toBe(false);
  expect(isThere(next, 1)).toBe(true);
});
