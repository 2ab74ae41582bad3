import type { Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { connected5 } from "../support/client-5.ts";
import { field, frame } from "../support/frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { type WireProperty, wireProperties } from "../support/wire-properties.ts";

const goodbye = (reasonCode: number) => [{ cmd: "disconnect", reasonCode }];
const none = wireProperties([]);

/** What the gateway answers to these bytes of a connected client, until it closes the connection. */
async function answerTo(...parts: Buffer[]): Promise<Packet[]> {
  const { port } = await startGateway();
  const client = await connected5(port);
  client.bytes(Buffer.concat(parts));
  return client.ending();
}

describe("the gateway says goodbye", () => {
  it("with 0x8B where it is stopped; clients of 3.1.1 are just left [MQTT-3.14.4-2]", async () => {
    const { gateway, port } = await startGateway();
    const clients = [await connected5(port, { clientId: "a" }), await connected5(port, { clientId: "b", lives: 100 })];
    const old = await RawClient.connected(port);
    await gateway.stop();
    for (const client of clients) expect(await client.ending()).toMatchObject(goodbye(0x8b));
    expect(await old.ending()).toEqual([]);
  });

  it("with 0x8D where nothing came for one and a half times the keep alive [MQTT-3.1.2-22]", async () => {
    const clock = new ManualClock();
    const { port } = await startGateway({}, clock);
    const client = await connected5(port, { keepalive: 10 });
    clock.advance(15_000);
    await client.ping();
    clock.advance(18_000);
    expect(await client.ending()).toMatchObject(goodbye(0x8d));
  });

  it("with 0x98 where someone who embeds it closes the connection", async () => {
    const { gateway, port } = await startGateway();
    const client = await connected5(port, { clientId: "device" });
    gateway.broker.clients.device?.close();
    expect(await client.ending()).toMatchObject(goodbye(0x98));
  });

  it("and never mentions a session expiry [MQTT-3.14.2-2]", async () => {
    const { gateway, port } = await startGateway();
    const client = await connected5(port, { lives: 100 });
    await gateway.stop();
    const [last] = await client.ending();
    expect((last as { properties?: object }).properties ?? {}).not.toHaveProperty("sessionExpiryInterval");
  });

  it("as its last word, after all that it answered before [MQTT-3.14.4-1] [MQTT-4.13.2-1]", async () => {
    const ping = frame(0xc0);
    const answers = await answerTo(ping, ping, Buffer.from([0x30, 0]), ping, ping);
    expect(answers.map(({ cmd }) => cmd)).toEqual(["pingresp", "pingresp", "disconnect"]);
  });

  it("to one who does not close: the connection is closed all the same [MQTT-3.14.4-2]", async () => {
    const { port } = await startGateway();
    const client = await connected5(port);
    client.bytes([0x30, 0]);
    await client.closed;
  });
});

describe("with 0x81 it answers a packet that is malformed [MQTT-4.13.1-1]:", () => {
  it.each<[name: string, bytes: Buffer]>([
    ["PINGREQ with flags [MQTT-2.1.3-1]", frame(0xc1)],
    ["SUBSCRIBE without its flags [MQTT-3.8.1-1]", frame(0x80, [0, 1], none, field("a"), [0])],
    ["UNSUBSCRIBE without its flags [MQTT-3.10.1-1]", frame(0xa0, [0, 1], none, field("a"))],
    ["PUBREL without its flags [MQTT-3.6.1-1]", frame(0x60, [0, 1])],
    ["DISCONNECT with flags [MQTT-3.14.1-1]", frame(0xe1, [0])],
    ["AUTH with flags [MQTT-3.15.1-1]", frame(0xf1, [0x18])],
    ["PUBLISH at QoS 3 [MQTT-3.3.1-4]", frame(0x36, field("a"), [0, 1], none)],
    ["PUBLISH without a topic", frame(0x30)],
    ["PUBLISH whose topic is not UTF-8 [MQTT-1.5.4-1]", frame(0x30, field([0xff]), none)],
    ["PUBLISH whose topic contains U+0000 [MQTT-1.5.4-2]", frame(0x30, field([0x61, 0]), none)],
    ["PUBLISH without its property length [MQTT-2.2.2-1]", frame(0x30, field("a"))],
    ["PUBLISH at QoS 1 without a packet id [MQTT-2.2.1-3]", frame(0x32, field("a"), [0, 0], none)],
    ["SUBSCRIBE with packet id 0 [MQTT-2.2.1-3]", frame(0x82, [0, 0], none, field("a"), [0])],
    ["SUBSCRIBE whose filter is not UTF-8 [MQTT-3.8.3-1]", frame(0x82, [0, 1], none, field([0xff]), [0])],
    ["UNSUBSCRIBE whose filter is not UTF-8 [MQTT-3.10.3-1]", frame(0xa2, [0, 1], none, field([0xff]))],
    ["PINGREQ with a body", frame(0xc0, [0])],
    ["PUBACK that ends in its packet id", frame(0x40, [0])],
    ["DISCONNECT that ends in its properties", frame(0xe0, [0, 5, 0x11])],
    ["DISCONNECT with bytes after its properties", frame(0xe0, [0, 0, 0])],
    ["DISCONNECT with a property of CONNECT", frame(0xe0, [0], wireProperties([{ name: "receiveMaximum", value: 1 }]))],
    [
      "a user property whose name is not UTF-8 [MQTT-1.5.7-1]",
      frame(0x30, field("a"), [7, 0x26], field([0xff]), field("v")),
    ],
    [
      "a user property whose value contains U+0000 [MQTT-1.5.7-1]",
      frame(0x30, field("a"), [7, 0x26], field("k"), field([0])),
    ],
    ["a remaining length of five bytes", Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1])],
  ])("%s", async (_name, bytes) => {
    expect(await answerTo(bytes)).toMatchObject(goodbye(0x81));
  });
});

describe("with 0x82 it answers what is a protocol error [MQTT-4.13.1-1]:", () => {
  const authenticate: WireProperty[] = [{ name: "authenticationMethod", value: "m" }];
  it.each<[name: string, bytes: Buffer]>([
    ["CONNACK", frame(0x20, [0, 0, 0])],
    ["SUBACK", frame(0x90, [0, 1, 0, 0])],
    ["UNSUBACK", frame(0xb0, [0, 1, 0, 0])],
    ["PINGRESP", frame(0xd0)],
    ["AUTH where the CONNECT had no method [MQTT-4.12.0-7]", frame(0xf0, [0x18], wireProperties(authenticate))],
    [
      "AUTH that begins where the CONNECT had no method [MQTT-4.12.1-1]",
      frame(0xf0, [0x19], wireProperties(authenticate)),
    ],
    ["AUTH without a method", frame(0xf0, [0x18, 0])],
    ["AUTH with a reason of the server's [MQTT-3.15.2-1]", frame(0xf0, [0], wireProperties(authenticate))],
    [
      "a subscription identifier of 0",
      frame(0x82, [0, 1], wireProperties([{ name: "subscriptionIdentifier", value: 0 }]), field("a"), [0]),
    ],
    ["retain handling 3", frame(0x82, [0, 1], none, field("a"), [0x30])],
    [
      "a reason string twice",
      frame(
        0xe0,
        [0],
        wireProperties([
          { name: "reasonString", value: "a" },
          { name: "reasonString", value: "b" },
        ]),
      ),
    ],
  ])("%s", async (_name, bytes) => {
    expect(await answerTo(bytes)).toMatchObject(goodbye(0x82));
  });
});

describe("a packet type of 0", () => {
  it("ends the connection with a failure", async () => {
    const [last] = await answerTo(frame(0x00));
    expect(last).toMatchObject({ cmd: "disconnect" });
    expect([0x81, 0x82]).toContain((last as { reasonCode?: number }).reasonCode);
  });
});

describe("DISCONNECT of a client", () => {
  it.each([
    ["without a reason code", frame(0xe0)],
    ["with a reason code alone", frame(0xe0, [0])],
    ["with an empty property section", frame(0xe0, [0, 0])],
    [
      "with a reason string and user properties",
      frame(
        0xe0,
        [0],
        wireProperties([
          { name: "reasonString", value: "going home" },
          { name: "userProperty", value: ["a", "b"] },
        ]),
      ),
    ],
  ])("%s is answered by the close, and is no fault [MQTT-3.14.4-3]", async (_name, bytes) => {
    const { port, log } = await startGateway();
    const client = await connected5(port);
    client.bytes(bytes);
    expect(await client.ending()).toEqual([]);
    expect(log.complaints).toEqual([]);
  });

  it("ends what comes after it: nothing of that is handled [MQTT-3.14.4-1]", async () => {
    const { port } = await startGateway();
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 0 });
    const client = await connected5(port, { clientId: "client" });
    client.bytes(Buffer.concat([frame(0xe0, [0]), frame(0x30, field("a"), none, Buffer.from("late"))]));
    await client.closed;
    expect(await payloadsSoFar(watcher)).toEqual([]);
  });

  it("of 3.1.1 has no body: one with a reason code closes the connection", async () => {
    const { port, log } = await startGateway();
    const client = await RawClient.connected(port);
    client.bytes(frame(0xe0, [0]));
    expect(await client.ending()).toEqual([]);
    expect(log.complaints).toMatchObject([{ fields: { code: "ERR_MALFORMED_PACKET" } }]);
  });
});

describe("U+FEFF", () => {
  it("is a character like any other, wherever it stands [MQTT-1.5.4-3]", async () => {
    const { port } = await startGateway();
    const bom = "\u{feff}";
    const client = await connected5(port, { clientId: `${bom}me` });
    await client.subscribe({ [`${bom}a`]: 0, a: 0 });
    const text = { userProperties: { [bom]: bom }, contentType: bom };
    client.publish(`${bom}a`, "with", { properties: text });
    client.publish("a", "without");
    expect(await client.message()).toMatchObject({ topic: `${bom}a`, payload: "with", properties: text });
    expect(client.received.includes(Buffer.concat([field(`${bom}a`)]))).toBe(true);
    expect(await client.message()).toMatchObject({ topic: "a", payload: "without" });
    const plain = await connected5(port, { clientId: "me" });
    await plain.ping();
    await client.ping(); // another client id, and so not taken over
  });
});
