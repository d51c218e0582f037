import { unreachable } from "../base/assert.ts";
import { mayBeAuthenticated } from "../association/authentication.ts";
import type { KeyChange } from "../association/keys.ts";
import { changeRing } from "../association/keys.ts";
import type { ProtocolParameters } from "../base/parameters.ts";
import type { StackCore } from "./core.ts";
import type { Answer } from "./errno.ts";
import { answer, done, refuse } from "./errno.ts";
import type { AssociationId } from "./messages.ts";
import type { Socket, SocketAssociation } from "./socket.ts";
import { onlyAssociation } from "./socket.ts";

/** The options of RFC 6458 sections 8.1.18 and 8.3.2 to 8.3.5. What a secret holds is told to nobody. */
export type AuthenticationOption =
  /** For associations to come: chunks of this type are taken only authenticated (RFC 4895 section 3.2). */
  | { readonly name: "SCTP_AUTH_CHUNK"; readonly chunkType: number }
  /** Sets or replaces a shared key; without bytes it is the null key. */
  | { readonly name: "SCTP_AUTH_KEY"; readonly keyId: number; readonly secret: Uint8Array }
  | {
      readonly name: "SCTP_AUTH_ACTIVE_KEY" | "SCTP_AUTH_DEACTIVATE_KEY" | "SCTP_AUTH_DELETE_KEY";
      readonly keyId: number;
    };

export const isAuthenticationOption = <T extends { readonly name: string }>(
  option: T | AuthenticationOption,
): option is AuthenticationOption => option.name.startsWith("SCTP_AUTH_");

/** `sca_keynumber` and `sca_keylength` have 16 bits. */
const mostOf16Bits = 0xffff;

/** Sections 8.1.18 and 8.3.3: a one-to-one socket changes its association where it has one, else what is to come. */
export function setAuthentication(
  core: StackCore,
  socket: Socket,
  option: AuthenticationOption,
  targets: { readonly future: boolean; readonly associations: readonly SocketAssociation[] },
): Answer<undefined> {
  if (option.name === "SCTP_AUTH_CHUNK") return requireAuthentication(socket, option.chunkType);
  const change = changeOf(option);
  if (change === undefined) return refuse("EINVAL");
  const associations = targets.associations.filter(({ phase }) => phase === "up");
  const future = targets.future && !(socket.style === "one-to-one" && associations.length > 0);
  let good = true;
  if (future) good = changeFuture(socket, change) === "done";
  for (const { port, handle } of associations) {
    good = port.endpoint.changeKeys(handle, change) === "done" && good;
    core.touched.add(port);
  }
  return good ? done : refuse("EINVAL");
}

function changeOf(option: Exclude<AuthenticationOption, { name: "SCTP_AUTH_CHUNK" }>): KeyChange | undefined {
  const { keyId } = option;
  if (!Number.isInteger(keyId) || keyId < 0 || keyId > mostOf16Bits) return undefined;
  switch (option.name) {
    case "SCTP_AUTH_KEY":
      if (option.secret.length > mostOf16Bits) return undefined;
      return { act: "set", keyId, secret: option.secret };
    case "SCTP_AUTH_ACTIVE_KEY":
      return { act: "activate", keyId };
    case "SCTP_AUTH_DEACTIVATE_KEY":
      return { act: "deactivate", keyId };
    case "SCTP_AUTH_DELETE_KEY":
      return { act: "delete", keyId };
    default:
      return unreachable(option);
  }
}

/** Until a socket has a port its keys wait with it. */
function changeFuture(socket: Socket, change: KeyChange): string {
  const { port } = socket;
  if (port === undefined) return changeRing(socket.keys, change);
  return port.owner === socket ? port.endpoint.changeKeys(undefined, change) : "no-such-association";
}

/** Section 8.3.2; it switches authentication on. */
function requireAuthentication(socket: Socket, chunkType: number): Answer<undefined> {
  const isType = Number.isInteger(chunkType) && chunkType >= 0 && chunkType <= 0xff;
  if (!isType || !mayBeAuthenticated(chunkType)) return refuse("EINVAL");
  const { parameters, port } = socket;
  const changed: ProtocolParameters = {
    ...parameters,
    extensions: { ...parameters.extensions, authentication: true },
    authenticatedChunkTypes: [...new Set([...parameters.authenticatedChunkTypes, chunkType])],
  };
  socket.parameters = changed;
  if (port?.owner === socket) port.configure(changed);
  return done;
}

/** SCTP_AUTH_ACTIVE_KEY, SCTP_LOCAL_AUTH_CHUNKS and SCTP_PEER_AUTH_CHUNKS (sections 8.1.18, 8.2.3 and 8.2.4). */
export interface SocketAuthentication {
  readonly activeKeyId: number;
  /** Chunk types that are taken only authenticated, by us and by the peer. */
  readonly localChunkTypes: readonly number[];
  readonly peerChunkTypes: readonly number[];
}

/** Of one association, or where there is none of those to come. */
export function authentication(socket: Socket, id: AssociationId | undefined): Answer<SocketAuthentication> {
  const association = id === undefined ? onlyAssociation(socket) : socket.associations.get(id);
  if (id !== undefined && association === undefined) return refuse("EINVAL");
  const state = association && association.port.endpoint.state(association.handle);
  if (state !== undefined) {
    const agreed = state.agreement.authentication;
    return answer({
      activeKeyId: state.activeKeyId,
      localChunkTypes: agreed?.local.chunkTypes ?? [],
      peerChunkTypes: agreed?.peer.chunkTypes ?? [],
    });
  }
  return answer({
    activeKeyId: socket.port?.endpoint.activeKeyId ?? socket.keys.activeKeyId,
    localChunkTypes: socket.parameters.authenticatedChunkTypes,
    peerChunkTypes: [],
  });
}
