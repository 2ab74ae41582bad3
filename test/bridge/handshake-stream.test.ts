import { once } from "node:events";
import mqttPacket from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { HandshakeStream } from "../../src/bridge/handshake-stream.ts";

const connect = (clientId: string) =>
  mqttPacket.generate({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clean: true, clientId, keepalive: 1 });

function streamOf(isBridge: boolean) {
  const sent: Buffer[] = [];
  let endings = 0;
  const stream = new HandshakeStream({
    isBridge,
    send: (bytes) => sent.push(Buffer.from(bytes)),
    ended: () => endings++,
  });
  return { stream, endings: () => endings, sent: () => Buffer.concat(sent) };
}

describe("the stream that MQTT.js sees", () => {
  it("passes everything on as it is", () => {
    const { stream, sent } = streamOf(false);
    const bytes = connect("device");
    stream.write(bytes);
    stream.write(Buffer.from([0xc0, 0]));
    expect(sent()).toEqual(Buffer.concat([bytes, Buffer.from([0xc0, 0])]));
  });

  it.each([6, 200])(
    "says of a bridge that it is one, however its CONNECT with %i bytes of client id is cut",
    (idBytes) => {
      const bytes = connect("x".repeat(idBytes));
      for (let cut = 1; cut < bytes.length; cut++) {
        const { stream, sent } = streamOf(true);
        stream.write(Buffer.from(bytes.subarray(0, cut)));
        stream.write(Buffer.from(bytes.subarray(cut)));
        stream.write(Buffer.from([0xc0, 0]));
        const levelAt = bytes.indexOf("MQTT") + 4;
        const expected = Buffer.concat([bytes, Buffer.from([0xc0, 0])]);
        expected[levelAt] = 0x84;
        expect(sent()).toEqual(expected);
      }
    },
  );

  it("gives MQTT.js a copy of what came: the chunk may be used again", async () => {
    const { stream } = streamOf(false);
    const chunk = Buffer.from([1, 0xd0, 0, 2]);
    stream.came(chunk, 1, 3);
    chunk.fill(0);
    const [read] = await once(stream, "data");
    expect(read).toEqual(Buffer.from([0xd0, 0]));
  });

  it("tells when MQTT.js has ended or destroyed it, and takes what comes then", async () => {
    const ended = streamOf(false);
    ended.stream.end();
    await once(ended.stream, "finish");
    expect(ended.endings()).toBeGreaterThanOrEqual(1);
    const destroyed = streamOf(false);
    destroyed.stream.destroy();
    await once(destroyed.stream, "close");
    expect(destroyed.endings()).toBe(1);
    destroyed.stream.came(Buffer.from([0xd0, 0]), 0, 2);
  });
});
