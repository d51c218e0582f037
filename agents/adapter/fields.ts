/** One request: a JSON object of whatever shape the runner gave it. Unknown fields are ignored. */
export type Request = Readonly<Record<string, unknown>>;

/** A field of a request that is missing or of the wrong kind; the message says which. */
export class FieldError extends Error {}

/**
 * Readers of the fields of a request or of an option's value. They are a page of our own because the program
 * starts once a test: a schema library would take longer to load than the rest of it.
 */
export function textField(request: Request, name: string): string {
  const value = request[name];
  if (typeof value !== "string") throw new FieldError(`"${name}" must be a string`);
  return value;
}

export function textsField(request: Request, name: string): readonly string[] | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((each): each is string => typeof each === "string"))
    throw new FieldError(`"${name}" must be a list of strings`);
  return value;
}

/** A whole number from 0 to 2^53 - 1; `otherwise` where it is missing. */
export function countField(request: Request, name: string, otherwise?: number): number {
  const value = request[name] ?? otherwise;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw new FieldError(`"${name}" must be a whole number, 0 or more`);
  return value;
}

export function optionalCount(request: Request, name: string): number | undefined {
  return request[name] === undefined ? undefined : countField(request, name);
}

/** JSON booleans, and 0 and 1 as C has them. */
export function flagField(request: Request, name: string): boolean {
  return optionalFlag(request, name) ?? false;
}

export function optionalFlag(request: Request, name: string): boolean | undefined {
  const value = request[name];
  if (value === undefined) return undefined;
  if (value !== true && value !== false && value !== 0 && value !== 1)
    throw new FieldError(`"${name}" must be true or false`);
  return value === true || value === 1;
}

export const isRequest = (value: unknown): value is Request =>
  typeof value === "object" && value !== null && !Array.isArray(value);
