/** Names under which a browser on this machine, or at the end of a tunnel to it, reaches the desk. */
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

const HOST_FORM = /^(?<name>\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/i;

/**
 * A page of a foreign name that was made to resolve to this machine still sends that name as Host.
 * Ports are free: a desk behind `ssh -L` is seen under another one.
 */
export function isOwnHost(host: string | undefined, boundHost: string): boolean {
  const name = HOST_FORM.exec(host ?? "")?.groups?.["name"]?.toLowerCase();
  return name !== undefined && (LOOPBACK_NAMES.has(name) || name === boundHost.toLowerCase());
}

/** The Origin that a page of ours has when it was loaded under `host`. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  return (
    origin !== undefined && host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`
  );
}

/** What the pages of the interface may load; `connect` is where the desk answers. */
export function contentSecurityPolicy(connect: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${connect}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

export function securityHeaders(host: string): Record<string, string> {
  return {
    "Content-Security-Policy": contentSecurityPolicy(`'self' ws://${host}`),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=(), serial=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
  };
}
