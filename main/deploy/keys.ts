import ssh2 from "ssh2";

export interface SshKeyPair {
  /** OpenSSH private key text. */
  readonly privateKey: string;
  /** One line: type and base64, as in authorized_keys. */
  readonly publicKey: string;
}

/** A fresh Ed25519 pair. */
export function generateSshKeyPair(comment: string): SshKeyPair {
  // ssh2 1.17 cuts leading zeros off key material, so about one pair in 250 is unreadable: read it back, and draw again.
  for (let attempt = 0; attempt < 20; attempt++) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519", { comment });
    const secret = ssh2.utils.parseKey(pair.private);
    const open = ssh2.utils.parseKey(pair.public);
    if (secret instanceof Error || open instanceof Error) continue;
    const sample = Buffer.from(comment);
    if (open.verify(sample, secret.sign(sample)) !== true) continue;
    return { privateKey: pair.private, publicKey: pair.public.trim() };
  }
  throw new Error("ssh2 made 20 unreadable Ed25519 keys in a row");
}
