import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Who may look: the browser that exchanged the one-time token for the cookie, and nobody else. */
export interface Session {
  /** Goes into the address that is printed; good for one exchange. */
  readonly token: string;
  /** The cookie's value where the token is right and unused, which uses it up. */
  exchange(token: string): string | undefined;
  holds(cookieHeader: string | undefined): boolean;
  readonly cookieName: string;
}

const SECRET_BYTES = 32;

/** Cookies do not know ports, so the name carries it: two desks on one machine keep apart. */
export function createSession(port: number): Session {
  const token = randomBytes(SECRET_BYTES).toString("base64url");
  const secret = randomBytes(SECRET_BYTES).toString("base64url");
  const cookieName = `understudy-${port}`;
  let used = false;
  return {
    token,
    cookieName,
    exchange(presented) {
      if (used || !sameText(presented, token)) return undefined;
      used = true;
      return secret;
    },
    holds(cookieHeader) {
      return cookieValues(cookieHeader, cookieName).some((value) => sameText(value, secret));
    },
  };
}

/** Compares in a time that says nothing about where two texts differ. */
function sameText(one: string, other: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}

function cookieValues(header: string | undefined, name: string): string[] {
  return (header ?? "")
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`))
    .map((part) => part.slice(name.length + 1));
}
