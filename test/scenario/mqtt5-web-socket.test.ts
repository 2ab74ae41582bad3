import { once } from "node:events";
import mqttPacket, { type Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { connected5, connectFrame5 } from "../support/client-5.ts";
import { field, frame } from "../support/frame.ts";
import { startGateway } from "../support/start-gateway.ts";
import { wireProperties } from "../support/wire-properties.ts";

/** A WebSocket by which MQTT 5 is spoken, and a way to take the next packet. */
async function open(port: number) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, "mqtt");
  const packets: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 5 });
  parser.on("packet", (packet) => {
    packets.push(packet);
    socket.emit("packet");
  });
  socket.on("message", (data: Buffer) => parser.parse(data));
  await once(socket, "open");
  const next = async (): Promise<Packet> => {
    while (packets.length === 0) await once(socket, "packet");
    return packets.shift() as Packet;
  };
  return { socket, next };
}

const none = wireProperties([]);
const connect = connectFrame5(2, [field("web")]);

describe("MQTT 5 over WebSocket", () => {
  it("is spoken as over TCP, however the packets are cut into frames [MQTT-6.0.0-2]", async () => {
    const { port, webPort } = await startGateway();
    const { socket, next } = await open(webPort);
    for (const byte of connect) socket.send(Buffer.from([byte]));
    expect(await next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    socket.send(frame(0x82, [0, 1], none, field("a"), [1]));
    expect(await next()).toMatchObject({ cmd: "suback", granted: [1] });
    const client = await connected5(port);
    client.publish("a", "x", { properties: { contentType: "kind" } });
    expect(await next()).toMatchObject({ cmd: "publish", topic: "a", properties: { contentType: "kind" } });
  });

  it("has one set of client ids with TCP: who is taken over is told 0x8E, and then closed [MQTT-3.1.4-3]", async () => {
    const { port, webPort } = await startGateway();
    const { socket, next } = await open(webPort);
    socket.send(connect);
    await next();
    const closed = once(socket, "close");
    await connected5(port, { clientId: "web" });
    expect(await next()).toMatchObject({ cmd: "disconnect", reasonCode: 0x8e });
    await closed;
  });

  it("ends with a goodbye where the gateway stops, 0x8B", async () => {
    const { gateway, webPort } = await startGateway();
    const { socket, next } = await open(webPort);
    socket.send(connect);
    await next();
    const closed = once(socket, "close");
    await gateway.stop();
    expect(await next()).toMatchObject({ cmd: "disconnect", reasonCode: 0x8b });
    await closed;
  });

  it("answers a malformed packet with 0x81 [MQTT-4.13.1-1]", async () => {
    const { webPort } = await startGateway();
    const { socket, next } = await open(webPort);
    socket.send(connect);
    await next();
    socket.send(Buffer.from([0x30, 0]));
    expect(await next()).toMatchObject({ cmd: "disconnect", reasonCode: 0x81 });
    await once(socket, "close");
  });
});
