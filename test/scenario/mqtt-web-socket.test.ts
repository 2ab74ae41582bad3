import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { field, frame } from "../support/frame.ts";
import { startGateway } from "../support/start-gateway.ts";

const connect = frame(0x10, field("MQTT"), [4, 2, 0, 0], field("web"));
const connack = "20020000";
const pingreq = frame(0xc0);

/** An open WebSocket, and a way to wait until so many bytes have come; each frame is noted with its kind. */
async function open(port: number, protocols: string | string[] = "mqtt") {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, protocols);
  const frames: { binary: boolean; data: Buffer }[] = [];
  socket.on("message", (data: Buffer, binary: boolean) => frames.push({ binary, data }));
  await once(socket, "open");
  const received = async (bytes: number): Promise<string> => {
    const all = () => Buffer.concat(frames.map(({ data }) => data));
    while (all().length < bytes) await once(socket, "message");
    return all().toString("hex");
  };
  return { socket, frames, received };
}

describe("MQTT over WebSocket", () => {
  it("answers with the subprotocol mqtt [MQTT-6.0.0-3] [MQTT-6.0.0-4]", async () => {
    const { webPort } = await startGateway();
    const { socket } = await open(webPort, ["chat", "mqtt", "mqttv3.1"]);
    expect(socket.protocol).toBe("mqtt");
  });

  it("sends binary frames only [MQTT-6.0.0-1]", async () => {
    const { webPort } = await startGateway();
    const { socket, frames, received } = await open(webPort);
    socket.send(Buffer.concat([connect, pingreq]));
    expect(await received(6)).toBe(`${connack}d000`);
    expect(frames.every(({ binary }) => binary)).toBe(true);
  });

  it("closes the connection for a text frame [MQTT-6.0.0-1]", async () => {
    const { webPort } = await startGateway();
    const { socket, received } = await open(webPort);
    socket.send(connect);
    await received(4);
    const closed = once(socket, "close");
    socket.send("text");
    await closed;
  });

  it("does not care where frames begin and end [MQTT-6.0.0-2]", async () => {
    const { webPort } = await startGateway();
    const { socket, received } = await open(webPort);
    for (const byte of connect) socket.send(Buffer.from([byte]));
    expect(await received(4)).toBe(connack);
    const packets = Buffer.concat([frame(0x82, [0, 1], field("a"), [0]), frame(0x30, field("a"), Buffer.from("x"))]);
    socket.send(packets.subarray(0, 3));
    socket.send(packets.subarray(3, 12));
    socket.send(Buffer.concat([packets.subarray(12), pingreq, pingreq]));
    expect(await received(19)).toBe(`${connack}9003000100300400016178d000d000`);
  });
});
