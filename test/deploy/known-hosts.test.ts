import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { fingerprint, judgeHostKey, knownHostsLine, knownKeyTypes } from "../../main/deploy/known-hosts.ts";

/** A public key blob of RFC 4253 section 6.6 with made-up key material. */
function blob(type: string, seed: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.alloc(40, seed)]);
}

const key = blob("ssh-ed25519", 1);
const other = blob("ssh-ed25519", 2);
const rsa = blob("ssh-rsa", 3);
const line = (hosts: string, bytes: Buffer, type = "ssh-ed25519"): string =>
  `${hosts} ${type} ${bytes.toString("base64")} comment\n`;

function hashed(name: string): string {
  const salt = Buffer.alloc(20, 7);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

test.each([
  ["plain name", line("lab1", key), "lab1", 22, "known"],
  ["one of several names", line("x,192.0.2.9,y", key), "192.0.2.9", 22, "known"],
  ["hashed name", line(hashed("lab1"), key), "lab1", 22, "known"],
  ["hashed name with port", line(hashed("[lab1]:2222"), key), "lab1", 2222, "known"],
  ["another port of a known host", line("lab1", key), "lab1", 2222, "known"],
  ["port entry does not vouch for port 22", line("[lab1]:2222", key), "lab1", 22, "unknown"],
  ["wildcard", line("*.lab", key), "a.lab", 22, "known"],
  ["wildcard with exception", line("*.lab,!a.lab", key), "a.lab", 22, "unknown"],
  ["capital letters", line("Lab1", key), "lAB1", 22, "known"],
  ["comment and blank lines", `# lab1 ssh-ed25519 ${key.toString("base64")}\n\n`, "lab1", 22, "unknown"],
  ["another key", line("lab1", other), "lab1", 22, "changed"],
  ["a key of another type only", line("lab1", rsa, "ssh-rsa"), "lab1", 22, "changed"],
  ["second line matches", line("lab1", other) + line("lab1", key), "lab1", 22, "known"],
  ["revoked beats known", line("lab1", key) + line("@revoked *", key), "lab1", 22, "revoked"],
  ["another key revoked", line("@revoked *", other), "lab1", 22, "unknown"],
  ["an authority is no host key", line("@cert-authority *", key), "lab1", 22, "unknown"],
  ["garbage", "\0\0\n|1|x ssh-ed25519\nlab1\n", "lab1", 22, "unknown"],
] as const)("%s", (_name, text, host, port, answer) => {
  expect(judgeHostKey(text, host, port, key).answer).toBe(answer);
});

test("a changed key is told with the expected fingerprints", () => {
  const judgement = judgeHostKey(line("lab1", other), "lab1", 22, key);
  expect(judgement).toEqual({ answer: "changed", expected: [fingerprint(other)] });
  expect(fingerprint(other)).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
});

test("a line that is written for a host is read back as known", () => {
  for (const port of [22, 2222]) {
    expect(judgeHostKey(knownHostsLine("Lab1", port, key), "lab1", port, key).answer).toBe("known");
    expect(judgeHostKey(knownHostsLine("Lab1", port, key), "lab1", port, other).answer).toBe("changed");
  }
});

test("key types on file", () => {
  const text =
    line("lab1", rsa, "ssh-rsa") + line("lab1", key) + line("@revoked lab1", other, "ecdsa-sha2-nistp256");
  expect(knownKeyTypes(text, "lab1", 22)).toEqual(["ssh-rsa", "ssh-ed25519"]);
});
