/**
 * nftables rule sets. Each is a table of its own, or two of one name, so that deleting them undoes exactly what was
 * done. Device names come from a testbed file that allows no quote in them.
 */

/** Drops everything in and out on one device, before anything else looks at it; a dead machine answers no ARP either. */
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
table arp ${table} {
  chain in {
    type filter hook input priority 0; policy accept;
    iifname "${device}" drop
  }
  chain out {
    type filter hook output priority 0; policy accept;
    oifname "${device}" drop
  }
}
`;
}

/** Drops all that comes from one address or goes to it, on one device: what others say there still passes. */
export function cutAddressRuleset(table: string, device: string, address: string): string {
  return `table inet ${table} {
  chain in {
    type filter hook prerouting priority -400; policy accept;
    iifname "${device}" ip saddr ${address} drop
  }
  chain out {
    type filter hook postrouting priority 400; policy accept;
    oifname "${device}" ip daddr ${address} drop
  }
}
`;
}

/**
 * Keeps a kernel from answering for an agent that has died. Drops its "port unreachable" (RFC 792) for a
 * UDP port that nobody holds any more, and its "protocol unreachable" for raw SCTP: the quoted datagram's
 * destination port lies 8 (ICMP) + 20 (IP) + 2 bytes into the message, its protocol 8 + 9. Drops the ABORT
 * (chunk type 6, after the common header of 12 bytes) with which a kernel's own SCTP answers what is out of
 * the blue to it (RFC 9260 section 8.4): no program's socket owns that packet, so it has no user.
 */
export function keepQuietRuleset(table: string, device: string, udpPort: number): string {
  return `table inet ${table} {
  chain out {
    type filter hook output priority 0; policy accept;
    oifname "${device}" icmp type destination-unreachable icmp code port-unreachable @th,240,16 ${udpPort} drop
    oifname "${device}" icmp type destination-unreachable icmp code prot-unreachable @th,136,8 132 drop
    oifname "${device}" ip protocol 132 @th,96,8 6 meta skuid >= 0 accept
    oifname "${device}" ip protocol 132 @th,96,8 6 drop
  }
}
`;
}
