/** What a call of the API can fail with, by the names of errno (RFC 6458 and POSIX). */
export type Errno =
  | "EADDRINUSE"
  | "EADDRNOTAVAIL"
  | "EAGAIN"
  | "EALREADY"
  | "EBADF"
  | "ECONNABORTED"
  | "ECONNREFUSED"
  | "ECONNRESET"
  | "EINPROGRESS"
  | "EINVAL"
  | "EISCONN"
  | "EMSGSIZE"
  | "ENOTCONN"
  | "EOPNOTSUPP"
  | "EPIPE"
  | "ESHUTDOWN"
  | "ETIMEDOUT";

export interface Refusal {
  readonly ok: false;
  readonly errno: Errno;
}

/** What a call answers: its value, or why there is none. Nothing is thrown for what a user or a peer does. */
export type Answer<T> = { readonly ok: true; readonly value: T } | Refusal;

export const answer = <T>(value: T): Answer<T> => ({ ok: true, value });

export const done: Answer<undefined> = answer(undefined);

export const refuse = (errno: Errno): Refusal => ({ ok: false, errno });
