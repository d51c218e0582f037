import type { Answer } from "../sctp/index.ts";

/** What an operation answers: the return value of the call in C, errno's name where it failed, and more fields. */
export interface Outcome {
  readonly ret: number;
  readonly err?: string;
  /** One sentence for who reads the runner's log. */
  readonly message?: string;
  readonly [field: string]: unknown;
}

export const answered = (ret: number): Outcome => ({ ret });

export const refused = (err: string, message?: string): Outcome => ({
  ret: -1,
  err,
  ...(message === undefined ? undefined : { message }),
});

/** The runner calls its test unsupported, not failed. */
export const unsupported = (err: "ENOSYS" | "ENOPROTOOPT", message: string): Outcome => ({
  ret: -1,
  err,
  message,
});

/** The stack's answer in C's way. */
export const outcomeOf = <T>(answer: Answer<T>, ret: (value: T) => number = () => 0): Outcome =>
  answer.ok ? answered(ret(answer.value)) : refused(answer.errno);
