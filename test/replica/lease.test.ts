import { describe, expect, it } from "vitest";
import { Lease } from "../../agents/replica/lease.ts";

describe("the lease of the primary", () => {
  it("counts from when the answered beat was sent, not from when the answer was read", () => {
    const lease = new Lease(250);
    expect(lease.holds(0)).toBe(false);
    lease.granted(1000, 1001);
    expect(lease.holds(1250)).toBe(true);
    expect(lease.holds(1251)).toBe(false);
    lease.granted(1000, 5000);
    expect(lease.holds(5000)).toBe(false);
    lease.granted(4990, 5000);
    expect(lease.holds(5000)).toBe(true);
  });

  it("does not go back, and knows no beats of the future", () => {
    const lease = new Lease(250);
    lease.granted(1000, 1001);
    lease.granted(900, 1002);
    lease.granted(9000, 1003);
    expect(lease.holds(1250)).toBe(true);
    expect(lease.holds(1251)).toBe(false);
  });

  it("ends with the link, and for good with a fence", () => {
    const lease = new Lease(250);
    lease.granted(1000, 1000);
    lease.revoke();
    expect(lease.holds(1001)).toBe(false);
    lease.granted(1002, 1003);
    expect(lease.holds(1003)).toBe(true);
    lease.fence();
    lease.granted(1004, 1004);
    expect(lease.holds(1004)).toBe(false);
  });
});
