import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from "mqtt-packet";
import { describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../../devices/clock.ts";
import { Link } from "../../../devices/link.ts";
import { Outages } from "../../../devices/outages.ts";
import type { Habits } from "../../../devices/version5/habits.ts";
import { openBook, run, topic } from "../book.ts";

type Part = (packet: Packet, answer: (packet: Packet) => void, cut: () => void) => void;
type Course = { part?: Part; connack?: IConnackPacket["properties"]; habits?: Partial<Habits> };

/** An MQTT 5 device at a gateway that follows a script; `seen` holds what the gateway got, by connections. */
async function scripted({ part = () => {}, connack = {}, habits = {} }: Course) {
  const seen: Packet[][] = [];
  const server = createServer((socket) => {
    const packets: Packet[] = [];
    seen.push(packets);
    const reader = parser({ protocolVersion: 5 });
    socket.on("data", (chunk) => reader.parse(chunk)).on("error", () => {});
    reader.on("packet", (packet) => {
      packets.push(packet);
      const answer = (each: Packet) => socket.write(generate(each, { protocolVersion: 5 }));
      if (packet.cmd === "connect") {
        answer({ cmd: "connack", reasonCode: 0, sessionPresent: packet.clean !== true, properties: connack });
      }
      if (packet.cmd === "disconnect") socket.end();
      part(packet, answer, () => socket.destroy());
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const book = openBook(1);
  const outages = new Outages();
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const all = { usesAliases: false, aliasMaximum: 0, receiveMaximum: undefined, ...habits };
  const link = new Link(
    { name: "sensor", run, url, persistent: true, version: 5, habits: all },
    { ledger: book.ledger, clock: systemClock, outages, lost: () => {} },
  );
  onTestFinished(async () => {
    await link.drop("reset");
    server.close();
  });
  await link.connect();
  return { link, book, outages, seen, incidents: () => [...book.ledger.incidents.keys()] };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

const channel = { flow: "temperature", topic, qos: 1 } as const;
const nothing = Buffer.alloc(0);
const obey: Part = ({ cmd, messageId = 0 }, answer) => {
  if (cmd === "publish") answer({ cmd: "puback", messageId });
};

describe("an MQTT 5 device", () => {
  it("arrives with a clean start, returns without one, and takes its session back when it leaves for good", async () => {
    const { link, seen, incidents } = await scripted({});
    await link.drop("cut");
    await link.comeBack();
    await link.leave();
    const connects = seen.map(([first]) => first).filter((packet) => packet?.cmd === "connect");
    expect(connects.map(({ clean }) => clean)).toEqual([true, false, false]);
    expect(connects.map(({ properties }) => (properties?.sessionExpiryInterval ?? 0) > 0)).toEqual([true, true, false]);
    expect(seen[1]!.at(-1)).toMatchObject({ cmd: "disconnect", properties: { sessionExpiryInterval: 0 } });
    // This gateway forgets no session.
    expect(incidents()).toEqual(["a session was still there after its end"]);
  });

  it("sends user properties in their order, two of a name with another between them", async () => {
    const { link, book, seen } = await scripted({ part: obey });
    link.publish({ ...channel, expirySeconds: 60 }, nothing);
    await until(() => book.ledger.unacknowledged === 0);
    const { properties } = seen[0]!.find(({ cmd }) => cmd === "publish") as IPublishPacket;
    expect(properties).toMatchObject({
      messageExpiryInterval: 60,
      contentType: "application/x-temperature",
      userProperties: { sequence: ["1", `1 of ${run}`], sender: "sensor" },
    });
  });

  it("sends no more than the gateway's receive maximum at once [MQTT-3.3.4-7]", async () => {
    const waiting: (() => void)[] = [];
    const part: Part = (packet, answer) => {
      if (packet.cmd !== "publish") return;
      const acknowledge = () => answer({ cmd: "puback", messageId: packet.messageId! });
      if (packet.topic === topic) waiting.push(acknowledge);
      else acknowledge();
    };
    const { link, book } = await scripted({ part, connack: { receiveMaximum: 2 } });
    for (let count = 0; count < 5; count++) link.publish(channel, nothing);
    await until(() => waiting.length === 2);
    // A round trip: what it had sent before would be there.
    await link.clearRetained(["another"]);
    expect(waiting).toHaveLength(2);
    for (let taken = 0; taken < 5; taken++) {
      await until(() => waiting.length > 0);
      waiting.shift()!();
    }
    await until(() => book.ledger.unacknowledged === 0);
  });

  it("sends again by whole topics what it had sent by an alias [MQTT-3.3.2-7]", async () => {
    const topics = (packets: Packet[]) => packets.flatMap((packet) => (packet.cmd === "publish" ? [packet.topic] : []));
    let connections = 0;
    const part: Part = (packet, answer, cut) => {
      // Cut off while it sends again: what it keeps must not be what an alias of that connection stood for.
      if (packet.cmd === "connect") connections++;
      if (connections === 2 && packet.cmd === "publish" && packet.topic === "") cut();
      else if (connections > 1) obey(packet, answer, cut);
    };
    const habits = { usesAliases: true };
    const { link, book, outages, seen } = await scripted({ part, connack: { topicAliasMaximum: 5 }, habits });
    for (let count = 0; count < 2; count++) link.publish(channel, nothing);
    await until(() => topics(seen[0]!).length === 2);
    outages.begin();
    await link.drop("cut");
    await link.comeBack();
    await until(() => book.ledger.unacknowledged === 0);
    expect(seen.map(topics)).toEqual([[topic, ""], [topic, ""], [topic]]);
  });

  it("numbers its subscriptions, and one that is refused is an error with the reason", async () => {
    const part: Part = (packet, answer) => {
      if (packet.cmd !== "subscribe") return;
      const granted = packet.subscriptions.map(({ topic }) => (topic === "secret" ? 0x87 : 1));
      answer({ cmd: "suback", messageId: packet.messageId!, granted });
    };
    const { link, seen } = await scripted({ part });
    await expect(link.subscribe({ a: 1, b: 1, secret: 1 })).rejects.toMatchObject({ code: "ERR_SUBSCRIPTION_REFUSED" });
    const identifiers = seen[0]!.flatMap((packet) =>
      packet.cmd === "subscribe" ? [packet.properties?.subscriptionIdentifier] : [],
    );
    expect(identifiers).toEqual([1, 2, 3]);
  });
});

describe("the fleet finds fault with", () => {
  it("a PUBACK that says that a message was not taken, which counts as unacknowledged too", async () => {
    const part: Part = ({ cmd, messageId = 0 }, answer) => {
      if (cmd === "publish")
        answer({ cmd: "puback", messageId, reasonCode: 0x97, properties: { reasonString: "full" } });
    };
    const { link, book, incidents } = await scripted({ part });
    link.publish(channel, nothing);
    await until(() => incidents().length > 0);
    expect([...book.ledger.incidents]).toEqual([["the gateway sent PUBACK 0x97 quota exceeded", ["sensor (full)"]]]);
    expect(book.ledger.unacknowledged).toBe(1);
  });

  it.each([
    ["0x8D keep-alive timeout", 0x8d, false],
    ["0x8B server shutting down", 0x8b, false],
    [undefined, 0x8b, true],
    [undefined, 0x8e, false],
  ])("a DISCONNECT, if it is no fault to be excused: %s", async (text, reasonCode, isKilled) => {
    const { link, book, outages, incidents } = await scripted({
      part: ({ cmd, messageId = 0 }, answer) => {
        if (cmd !== "publish") return;
        if (isKilled) outages.begin();
        answer({ cmd: "disconnect", reasonCode });
        answer({ cmd: "puback", messageId });
      },
    });
    link.publish(channel, nothing);
    await until(() => book.ledger.unacknowledged === 0);
    expect(incidents()).toEqual(text === undefined ? [] : [`the gateway sent DISCONNECT ${text}`]);
  });
});
