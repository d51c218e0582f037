/** Why a UDP port cannot be had, one sentence for the operator; `code`: the name of the errno. */
export function bindProblem(code: string, address: string, udpPort: number): string {
  switch (code) {
    case "EADDRINUSE":
      return `UDP port ${udpPort} on ${address} is taken by another program: end it, or choose another port with --udp-port`;
    case "EADDRNOTAVAIL":
      return `this host has no address ${address}: correct the outside address of this host in the testbed`;
    case "EACCES":
      return `UDP port ${udpPort} on ${address} needs more rights: choose a port above 1023`;
    default:
      return `UDP port ${udpPort} on ${address} cannot be opened: the system says ${code}`;
  }
}
