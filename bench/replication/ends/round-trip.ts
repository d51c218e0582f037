import { once } from "node:events";
import { connect, createServer } from "node:tls";
import type { TLSSocket } from "node:tls";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

/**
 * A round trip between two computers of a cluster and nothing else: bytes of the size of a small frame over
 * TLS with a shared secret over TCP on loopback. `--echo` prints its port; without it the other end
 * connects to `--port` and prints the times of `--rounds` round trips in microseconds, as JSON.
 */
const { values } = parseArgs({
  options: {
    echo: { type: "boolean", default: false },
    port: { type: "string", default: "0" },
    size: { type: "string", default: "200" },
    rounds: { type: "string", default: "2000" },
  },
});
const host = "127.0.0.1";
const secret: Buffer = Buffer.alloc(32, 7);
const terms = {
  ciphers: "PSK-AES256-GCM-SHA384",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
} as const;

async function echo(): Promise<void> {
  const server = createServer({ ...terms, noDelay: true, pskCallback: () => secret });
  server.on("secureConnection", (socket) => {
    socket.on("data", (bytes) => socket.write(bytes));
    socket.once("close", () => server.close());
  });
  server.listen(0, host);
  await once(server, "listening");
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
}

async function measure(port: number, sizeBytes: number, rounds: number): Promise<void> {
  const pskCallback = () => ({ psk: secret, identity: "bench" });
  const socket = connect({ host, port, ...terms, pskCallback, checkServerIdentity: () => undefined });
  await once(socket, "secureConnect");
  socket.setNoDelay(true);
  const micros: number[] = [];
  for (let round = 0; round < rounds; round++) micros.push(await roundTrip(socket, sizeBytes));
  socket.destroy();
  process.stdout.write(`${JSON.stringify(micros)}\n`);
}

function roundTrip(socket: TLSSocket, sizeBytes: number): Promise<number> {
  return new Promise((resolve) => {
    let left = sizeBytes;
    const startMs = performance.now();
    const onData = (bytes: Buffer): void => {
      left -= bytes.length;
      if (left > 0) return;
      socket.off("data", onData);
      resolve((performance.now() - startMs) * 1000);
    };
    socket.on("data", onData);
    socket.write(new Uint8Array(sizeBytes));
  });
}

if (values.echo) await echo();
else await measure(Number(values.port), Number(values.size), Number(values.rounds));
