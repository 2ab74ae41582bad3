import type { Packet } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { type PubFlags, pub } from "../../src/client/pub.ts";
import { type SubFlags, sub } from "../../src/client/sub.ts";
import { capturedContext } from "../command/captured-context.ts";
import { accepted, scriptedServer } from "./scripted-server.ts";

const host = "127.0.0.1";
const base = { host, protocolVersion: "5" };

type Answer = Parameters<typeof scriptedServer>[0];

/** Publishes at a gateway that accepts the client and answers each PUBLISH so. */
async function publishing(answer: Answer, flags: Partial<PubFlags> = {}, connack: Packet = accepted) {
  const { port, received } = await scriptedServer((packet, send, socket) => {
    if (packet.cmd === "connect") send(connack);
    answer(packet, send, socket);
  });
  const { context, stderr } = capturedContext();
  const done = pub({ ...base, port, topic: "a", message: "x", qos: "1", ...flags }, context);
  return { done, port, received, stderr };
}

const acknowledge =
  (more: object = {}): Answer =>
  (packet, send) => {
    if (packet.cmd === "publish") send({ cmd: "puback", messageId: packet.messageId ?? 0, ...more } as Packet);
  };

describe("pub with MQTT 5", () => {
  it.each([
    [0x97, "ERR_LIMIT_EXCEEDED", "a quota is exceeded (0x97): the mailbox is full"],
    [0x87, "ERR_NOT_AUTHORIZED", "not authorized (0x87): the mailbox is full"],
    [0x80, "ERR_UPSTREAM", "an error that it does not name (0x80): the mailbox is full"],
  ])("fails with the words of a PUBACK of reason code %i", async (reasonCode, code, words) => {
    const properties = { reasonString: "the mailbox is full" };
    const { done, port } = await publishing(acknowledge({ reasonCode, properties }));
    await expect(done).rejects.toMatchObject({ code, message: `${host}:${port} refused the message to "a": ${words}` });
  });

  it("says that nobody has subscribed with -v, once, and nothing without", async () => {
    for (const verbose of [true, false]) {
      const { done, stderr } = await publishing(acknowledge({ reasonCode: 0x10 }), { verbose });
      expect(await done).toBe(0);
      expect(stderr.text).toBe(verbose ? "waypost pub: nobody has subscribed to the topic\n" : "");
    }
  });

  it("sends the properties of each packet, user properties in their order", async () => {
    const property = [
      ...["connect", "user-property", "who", "me", "connect", "receive-maximum", "7"],
      ...[
        "publish",
        "user-property",
        "a",
        "1",
        "publish",
        "user-property",
        "b",
        "2",
        "publish",
        "user-property",
        "a",
        "3",
      ],
      ...["PUBLISH", "payload-format-indicator", "1", "publish", "correlation-data", "xyz"],
      ...["will", "will-delay-interval", "9", "disconnect", "session-expiry-interval", "5"],
    ];
    const flags = { property, willTopic: "w", sessionExpiryInterval: "60" };
    const { done, received } = await publishing(acknowledge(), flags);
    expect(await done).toBe(0);
    const [connect, publish, disconnect] = received as unknown as Record<string, { properties: object }>[];
    expect(connect).toMatchObject({
      properties: { userProperties: { who: "me" }, receiveMaximum: 7, sessionExpiryInterval: 60 },
      will: { properties: { willDelayInterval: 9 } },
    });
    expect(publish).toMatchObject({
      properties: {
        userProperties: { a: ["1", "3"], b: "2" },
        payloadFormatIndicator: true,
        correlationData: Buffer.from("xyz"),
      },
    });
    expect(disconnect).toMatchObject({ cmd: "disconnect", properties: { sessionExpiryInterval: 5 } });
  });

  it("sends no more than the gateway's receive maximum at once [MQTT-3.3.4-7]", async () => {
    const held: (() => void)[] = [];
    let isFlowing = false;
    let fill = () => {};
    const full = new Promise<void>((resolve) => {
      fill = resolve;
    });
    const connack = { ...accepted, properties: { receiveMaximum: 3 } } as Packet;
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(connack);
      if (packet.cmd !== "publish") return;
      const answer = () => send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      if (isFlowing) answer();
      else if (held.push(answer) === 3) fill();
    });
    const { context } = capturedContext(["1\n2\n3\n4\n5\n"].map((text) => Buffer.from(text)));
    const done = pub({ ...base, port, topic: "a", stdinLine: true, qos: "1" }, context);
    await full;
    expect(received.filter(({ cmd }) => cmd === "publish")).toHaveLength(3);
    isFlowing = true;
    for (const answer of held) answer();
    expect(await done).toBe(0);
  });

  it("says why the gateway refused or closed the connection", async () => {
    const refused = { ...accepted, reasonCode: 0x8a, properties: { reasonString: "too eager" } } as Packet;
    await expect((await publishing(() => {}, {}, refused)).done).rejects.toMatchObject({
      code: "ERR_CONNECT_REFUSED",
      message: expect.stringContaining("refused the connection: this client is banned (0x8a): too eager; check -i"),
    });
    const { done } = await publishing(({ cmd }, send, socket) => {
      if (cmd !== "publish") return;
      send({ cmd: "disconnect", reasonCode: 0x95 });
      socket.end();
    });
    await expect(done).rejects.toMatchObject({
      message: expect.stringContaining("closed the connection, the packet is too large for it (0x95): not all"),
    });
  });
});

describe("sub with MQTT 5", () => {
  async function subscribing(answer: Answer, flags: Partial<SubFlags> = {}) {
    const { port } = await scriptedServer((packet, send, socket) => {
      if (packet.cmd === "connect") send(accepted);
      answer(packet, send, socket);
    });
    const { context, stdout } = capturedContext();
    return { done: sub({ ...base, port, topic: ["a"], ...flags }, context), port, stdout };
  }

  it("says why a subscription was refused", async () => {
    const { done, port } = await subscribing((packet, send) => {
      if (packet.cmd !== "subscribe") return;
      const properties = { reasonString: "ask Ada" };
      send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [0x87], properties });
    });
    await expect(done).rejects.toMatchObject({
      message: `${host}:${port} refused the subscription to "a": not authorized (0x87): ask Ada`,
    });
  });

  it("ends when another client took its session over: both would come back for ever", async () => {
    const { done, port } = await subscribing((packet, send, socket) => {
      if (packet.cmd !== "subscribe") return;
      send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [0] });
      send({ cmd: "disconnect", reasonCode: 0x8e });
      socket.end();
    });
    await expect(done).rejects.toMatchObject({
      message: `${host}:${port} closed the connection, another client came with the same client id (0x8e)`,
    });
  });

  it("shows bytes that are no text as hexadecimal, and control characters as escapes", async () => {
    const flags = { count: "1", properties: true, verbose: true };
    const { done, stdout } = await subscribing((packet, send) => {
      if (packet.cmd !== "subscribe") return;
      send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [0] });
      const properties = {
        correlationData: Buffer.from([0xff, 0]),
        contentType: "a\u001b[2J",
        payloadFormatIndicator: true,
      };
      send({ cmd: "publish", topic: "a", payload: "", qos: 0, dup: false, retain: false, properties });
    }, flags);
    expect(await done).toBe(0);
    expect(stdout.text.split("\n").sort()).toEqual([
      "",
      '  content-type "a\\u001b[2J"',
      "  correlation-data 0xff00",
      "  payload-format-indicator 1",
      "a (null)",
    ]);
  });
});

describe("the options for MQTT 5", () => {
  const words = (line: string) => line.split(" ");

  it.each([
    ["publish content-type a", "3.1.1", /-D is for MQTT 5 only: add -V 5/],
    ["pubrel user-property a b", "5", /-D pubrel: pub has properties for connect, publish, will, disconnect/],
    ["subscribe user-property a b", "5", /-D subscribe: pub has properties for/],
    ["publish", "5", /-D publish needs the name of a property and its value/],
    ["publish content-typo a", "5", /-D publish content-typo: its properties are .*content-type/],
    ["publish content-type", "5", /-D publish content-type needs a value/],
    ["publish user-property a", "5", /needs a name and a value/],
    ["publish payload-format-indicator yes", "5", /is 0 or 1, not yes/],
    ["publish topic-alias 0", "5", /from 1 to 65535, not 0/],
    ["connect receive-maximum -1", "5", /from 1 to 65535, not -1/],
    ["publish message-expiry-interval 1.5", "5", /whole number/],
    ["publish response-topic a/#", "5", /no topic: it contains a wildcard/],
    ["publish content-type a publish content-type b", "5", /given once, only user-property more often/],
    ["will content-type a", "5", /a will needs --will-topic/],
  ])("are refused: -D %s with -V %s", async (line, protocolVersion, message) => {
    const { context } = capturedContext();
    const flags = { protocolVersion, topic: "a", message: "x", property: words(line) };
    await expect(pub(flags, context)).rejects.toMatchObject({
      code: "ERR_USAGE",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [{ sessionExpiryInterval: "60", protocolVersion: "3.1.1" }, /-x is for MQTT 5 only/],
    [{ sessionExpiryInterval: "-1" }, /never expires needs a client id/],
    [{ sessionExpiryInterval: "-2" }, /-x is a whole number/],
    [{ sessionExpiryInterval: "1", property: words("connect session-expiry-interval 2") }, /give one of them/],
    [{ properties: true, protocolVersion: "3.1.1" }, /--properties is for MQTT 5 only/],
    [{ property: words("publish content-type a") }, /sub has properties for connect, subscribe, will, disconnect/],
  ])("are refused: sub %j", async (flags, message) => {
    const { context } = capturedContext();
    await expect(sub({ ...base, topic: ["a"], ...flags }, context)).rejects.toMatchObject({
      code: "ERR_USAGE",
      message: expect.stringMatching(message),
    });
  });
});
