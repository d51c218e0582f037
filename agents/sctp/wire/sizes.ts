/** Bytes of the common header (RFC 9260 section 3.1). */
export const commonHeaderBytes = 12;
/** Bytes of a DATA chunk before its user data (RFC 9260 section 3.3.1). */
export const dataHeaderBytes = 16;
/** Bytes of an I-DATA chunk before its user data (RFC 8260 section 2.1). */
export const iDataHeaderBytes = 20;
