import { createSocket } from "node:dgram";
import { udpPayload } from "./udp-payload.ts";

/** `send-udp-child.ts ADDRESS PORT FIRST COUNT`, run inside a namespace: one packet after the other. */
const [address = "", port, first, count] = process.argv.slice(2);
const socket = createSocket("udp4");
// Nobody listens at the other end, and the kernel may say so.
socket.on("error", () => undefined);
for (let number = Number(first); number < Number(first) + Number(count); number++) {
  await new Promise<void>((resolve, reject) =>
    socket.send(udpPayload(number), Number(port), address, (error) => (error ? reject(error) : resolve())),
  );
}
socket.close();
