import type { Chunk } from "../wire/index.ts";
import type { AssociationCore } from "./core.ts";
import type { KeyReply, KeyRing } from "./key-ring.ts";
import type { Route } from "./outputs.ts";

/** What a user does with shared keys (RFC 6458 sections 8.3.2 to 8.3.5). */
export type KeyChange =
  | { readonly act: "set"; readonly keyId: number; readonly secret: Uint8Array }
  | { readonly act: "activate" | "deactivate" | "delete"; readonly keyId: number };

/** Changes keys that no association uses yet. */
export function changeRing(ring: KeyRing, change: KeyChange): KeyReply {
  if (change.act !== "set") return ring[change.act](change.keyId);
  ring.set(change.keyId, change.secret);
  return "done";
}

/** Changes the keys of an association. What is sent again later is signed with the key that is active then. */
export function changeKeys(core: AssociationCore, change: KeyChange): KeyReply {
  const { keyId } = change;
  const reply = changeRing(core.keys, change);
  if (reply !== "done") return reply;
  if (change.act === "set" || change.act === "delete") core.authenticator?.forgetKey(keyId);
  if (change.act === "activate") core.change({ kind: "keyActivated", keyId });
  if (change.act === "deactivate") core.notify({ type: "authentication", event: "key-freed", keyId });
  return reply;
}

/** What may be processed of a packet; the peer and the user hear of what is amiss or new. */
export function admit(
  core: AssociationCore,
  chunks: readonly Chunk[],
  bytes: Uint8Array,
  route: Route,
): readonly Chunk[] {
  if (core.authenticator === undefined) return chunks;
  const admitted = core.authenticator.admit(chunks, bytes);
  const { unsupportedHmacId: hmacId, newKeyId: keyId } = admitted;
  if (hmacId !== undefined) {
    const cause = { type: "UNSUPPORTED_HMAC_IDENTIFIER", code: 0x0105, hmacId } as const;
    core.control.push({ chunk: { type: "ERROR", causes: [cause] }, route, reason: "error", dependsOn: 0 });
  }
  if (keyId !== undefined) core.notify({ type: "authentication", event: "new-key", keyId });
  return admitted.chunks;
}
