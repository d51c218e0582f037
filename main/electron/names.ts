/** Names that the main process, the preload script and the lab service share. */

/** The scheme under which the interface is loaded: a secure origin of its own, unlike `file:`. */
export const SCHEME = "understudy";
export const PAGE_ORIGIN = "understudy://app";
export const PAGE_URL = "understudy://app/";

/** The page asks for a port to the desk. */
export const PORT_REQUEST = "understudy-port-request";
/** The port arrives: from the main process at the preload script, from there at the page. */
export const PORT_MESSAGE = "understudy-desk-port";
