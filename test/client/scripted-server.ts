import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import mqttPacket, { type Packet } from "mqtt-packet";
import { onTestFinished } from "vitest";

/** An MQTT server that answers as the test says, for what no proper gateway does. Returns its port and what it received. */
export async function scriptedServer(answer: (packet: Packet, send: (packet: Packet) => void, socket: Socket) => void) {
  const received: Packet[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const parser = mqttPacket.parser();
    let protocolVersion = 4;
    parser.on("packet", (packet: Packet) => {
      received.push(packet);
      if (packet.cmd === "connect") protocolVersion = packet.protocolVersion ?? 4;
      answer(packet, (reply) => socket.write(mqttPacket.generate(reply, { protocolVersion })), socket);
    });
    socket.on("data", (bytes) => parser.parse(bytes));
    socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return { port: String(port), received };
}

export const accepted: Packet = { cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent: false };
