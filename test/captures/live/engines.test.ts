import { expect, test } from "vitest";
import { engineArgv, parseCounts } from "../../../captures/live/engines.ts";

test("a filter can never be taken for an option", () => {
  const argv = engineArgv("tcpdump", "eth0", "-w /etc/passwd");
  expect(argv.slice(-2)).toEqual(["--", "-w /etc/passwd"]);
  const dumpcap = engineArgv("dumpcap", "eth0", "-w /etc/passwd");
  expect(dumpcap[dumpcap.indexOf("-w /etc/passwd") - 1]).toBe("-f");
});

test("tcpdump's last counts, whether in one line or in several", () => {
  const asked =
    "tcpdump: listening on x\ntcpdump: 3 packets captured, 5 packets received by filter, 0 packets dropped by kernel\n";
  expect(parseCounts("tcpdump", asked)).toEqual({ captured: 3, received: 5, dropped: 0 });
  const end =
    "1 packet captured\n12 packets received by filter\n4 packets dropped by kernel\n2 packets dropped by interface\n";
  expect(parseCounts("tcpdump", asked + end)).toEqual({ captured: 1, received: 12, dropped: 6 });
  expect(parseCounts("tcpdump", "tcpdump: listening on x\n")).toEqual({});
});

test("dumpcap's counts", () => {
  const text =
    "Packets captured: 30\nPackets received/dropped on interface 'out0': 30/5 (pcap:3/dumpcap:1/flushed:1/ps_ifdrop:2) (85.7%)\n";
  expect(parseCounts("dumpcap", text)).toEqual({ captured: 30, dropped: 7 });
});
