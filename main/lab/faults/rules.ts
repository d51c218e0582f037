/**
 * nftables rule sets. Each is a table of its own, so that deleting the table undoes exactly what was
 * done. Device names come from a testbed file that allows no quote in them.
 */

/** Drops everything in and out on one device, before anything else looks at it. */
export function cutDeviceRuleset(table: string, device: string): string {
  return `table inet ${table} {
  chain in {
    type filter hook prerouting priority -400; policy accept;
    iifname "${device}" drop
  }
  chain out {
    type filter hook postrouting priority 400; policy accept;
    oifname "${device}" drop
  }
}
`;
}

/**
 * Drops the "port unreachable" (RFC 792) with which a kernel answers for a UDP port that nobody holds
 * any more, and its "protocol unreachable" for raw SCTP. The quoted datagram's destination port lies
 * 8 (ICMP) + 20 (IP) + 2 bytes into the message, its protocol 8 + 9.
 */
export function dropUnreachablesRuleset(table: string, device: string, udpPort: number): string {
  return `table inet ${table} {
  chain out {
    type filter hook output priority 0; policy accept;
    oifname "${device}" icmp type destination-unreachable icmp code port-unreachable @th,240,16 ${udpPort} drop
    oifname "${device}" icmp type destination-unreachable icmp code prot-unreachable @th,136,8 132 drop
  }
}
`;
}
