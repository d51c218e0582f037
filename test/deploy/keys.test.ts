import ssh2 from "ssh2";
import { expect, test } from "vitest";
import { generateSshKeyPair } from "../../main/deploy/index.ts";

test("every generated pair can be read and belongs together", () => {
  // Without the check in generateSshKeyPair about one pair in 250 is unreadable: 1500 make a miss very unlikely.
  for (let round = 0; round < 1500; round++) {
    const pair = generateSshKeyPair("test");
    const secret = ssh2.utils.parseKey(pair.privateKey);
    const open = ssh2.utils.parseKey(pair.publicKey);
    if (secret instanceof Error || open instanceof Error) throw new Error(`round ${round} is unreadable`);
    expect(open.getPublicSSH()).toHaveLength(51);
    expect(secret.getPublicSSH().equals(open.getPublicSSH())).toBe(true);
  }
});
