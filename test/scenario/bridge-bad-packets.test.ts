import { describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { politely, politelyBut, type UpstreamPeer } from "../support/scripted-upstream.ts";
import { BridgeBadHouse } from "./bridge-bad-house.ts";

const bothWays = { topics: [{ filter: "up/#" }, { filter: "down/#", direction: "down" }] };

/** The upstream sends these bytes, and then what it may. */
async function gaveUpFor(bytes: string, line: RegExp): Promise<void> {
  const house = await BridgeBadHouse.build(politely, bothWays);
  await house.connected();
  const peer = house.bad.latest as UpstreamPeer;
  peer.bytes(bytes);
  peer.send({ cmd: "publish", topic: "down/a", payload: "x", qos: 1, messageId: 9, dup: false, retain: false });
  await house.until(() => house.failures > 0 || peer.all("puback").length > 0);
  expect(peer.all("puback")).toEqual([]);
  expect(house.complaints).toEqual([expect.stringMatching(line)]);
  expect(house.complaints[0]).toContain(house.bad.url);
  await peer.closed();
  await house.publish("up/x", "kept");
  await house.othersGoOn();
  await house.deliversWhatWaited();
}

describe("a bridge whose upstream sends what it must not", () => {
  it.each([
    ["a packet of type 0", "00 00", /not connected: /],
    ["a length of five bytes", "30 ff ff ff ff 01", /not connected: /],
    ["a PUBLISH with QoS 3", "36 08 00 06 64 6f 77 6e 2f 61", /QoS/],
    ["a PUBLISH with U+0000 in its topic", "30 0a 00 06 64 6f 77 6e 2f 00 00 78", /topic|UTF-8|U\+0000/i],
    ["a PUBLISH whose topic is longer than it is", "30 04 00 09 61 62", /not connected: /],
    ["a PUBLISH with packet id 0", "32 0b 00 06 64 6f 77 6e 2f 61 00 00 00", /packet id/i],
    ["a topic alias that it may not use", "30 0d 00 06 64 6f 77 6e 2f 61 03 23 00 01 78", /alias/],
    ["a packet that is larger than it may be", "30 ff ff ff 7f", /over the limit of/],
    ["a PUBACK with an empty packet id", "40 00", /not connected: /],
    ["AUTH, which nobody asked for", "f0 00", /not connected: /],
    ["a SUBACK that nobody waits for, and then malformed bytes", "90 04 ff ff 00 00 f7 00", /not connected: /],
  ])("gives the connection up for %s, says why, and goes on with the next", async (_, bytes, line) => {
    await gaveUpFor(bytes, line);
  });

  it.each([
    ["a PUBREL with wrong flags", "60 02 00 01", /flags/],
    ["CONNECT", "10 10 00 04 4d 51 54 54 05 02 00 00 00 00 03 61 62 63", /packet type 1/],
    ["SUBSCRIBE", "82 07 00 01 00 00 01 61 00", /packet type 8/],
    ["PINGREQ", "c0 00", /packet type 12/],
  ])("gives the connection up for %s, says why, and goes on with the next", async (_, bytes, line) => {
    await gaveUpFor(bytes, line);
  });

  it("takes more at once than it said that it takes: an upstream may send all that it has when it is back", async () => {
    const house = await BridgeBadHouse.build(politely, bothWays, { sessions: { inboundInFlightMax: 2 } });
    await house.connected();
    const peer = house.bad.latest as UpstreamPeer;
    const [connect] = peer.all("connect");
    expect(connect?.properties?.receiveMaximum).toBe(2);
    for (let messageId = 1; messageId <= 3; messageId++) {
      peer.send({ cmd: "publish", topic: "down/a", payload: "x", qos: 2, messageId, dup: false, retain: false });
    }
    await house.until(() => house.failures > 0 || peer.all("pubrec").length === 3);
    expect(house.failures).toBe(0);
  });
});

it("says what to raise where, over 3.1.1, a message is larger than this gateway takes", async () => {
  const limits = { packetBytesMax: 10_000 };
  const house = await BridgeBadHouse.build(politely, { ...bothWays, protocol: "3.1.1" }, { limits });
  await house.connected();
  const peer = house.bad.latest as UpstreamPeer;
  const publish = { cmd: "publish", topic: "down/a", qos: 1, dup: false, retain: false } as const;
  peer.send({ ...publish, payload: "x".repeat(20_000), messageId: 1 });
  await house.failed(1);
  expect(house.complaints).toEqual([expect.stringContaining("raise limits.packetBytesMax")]);
  await house.othersGoOn();
});

it("takes, over 3.1.1, as many QoS 2 messages at once as the upstream sends", async () => {
  const sessions = { inboundInFlightMax: 2 };
  const house = await BridgeBadHouse.build(politely, { ...bothWays, protocol: "3.1.1" }, { sessions });
  await house.connected();
  const peer = house.bad.latest as UpstreamPeer;
  for (let messageId = 1; messageId <= 5; messageId++) {
    peer.send({ cmd: "publish", topic: "down/a", payload: "x", qos: 2, messageId, dup: false, retain: false });
  }
  await house.until(() => house.failures > 0 || peer.all("pubrec").length === 5);
  expect(house.failures).toBe(0);
});

describe("a bridge whose upstream acknowledges what it must not", () => {
  it("takes no notice of acknowledgements for packet ids that are not in flight", async () => {
    const house = await BridgeBadHouse.build(politely, bothWays);
    await house.connected();
    const peer = house.bad.latest as UpstreamPeer;
    for (const cmd of ["puback", "pubcomp", "pubrec"] as const) peer.send({ cmd, messageId: 77 });
    peer.send({ cmd: "pubrel", messageId: 78 });
    await peer.packet("pubcomp");
    expect((await peer.packet("pubrel")).reasonCode).toBe(0x92); // to the PUBREC: there is no such id
    await house.publish("up/x", "kept", 2);
    await house.deliversWhatWaited();
    expect(house.complaints).toEqual([]);
    expect(house.report.totals).toMatchObject({ forwarded: 1, connections: 1 });
  });

  it("forwards each message once where PUBREC and PUBCOMP come twice, early, or as another kind", async () => {
    const muddling = politelyBut({
      publish: ({ messageId = 0, qos }, peer) => {
        if (qos === 1) peer.send({ cmd: "pubrec", messageId });
        if (qos === 2) peer.send({ cmd: "puback", messageId });
        peer.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
        if (qos === 2) peer.send({ cmd: "pubrec", messageId });
      },
      pubrel: ({ messageId = 0 }, peer) => {
        peer.send({ cmd: "pubcomp", messageId });
        peer.send({ cmd: "pubcomp", messageId });
      },
    });
    const house = await BridgeBadHouse.build(muddling);
    await house.connected();
    for (let i = 1; i <= 20; i++) await house.publish("up/x", `${i}`, i % 2 === 0 ? 2 : 1);
    await house.drained();
    expect(house.bad.payloads).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
    expect(house.report.totals.forwarded).toBe(20);
    expect(house.report.drops).toEqual({});
    expect(house.complaints).toEqual([]);
  });

  it.each([
    [1, 0x97],
    [1, 0x87],
    [2, 0x97],
  ] as const)(
    "makes a dead letter of a message at QoS %i that is refused with %i, and goes on",
    async (qos, reasonCode) => {
      const refusing = politelyBut({
        publish: ({ messageId = 0, payload }, peer) => {
          const code = payload.toString() === "unwanted" ? { reasonCode } : {};
          peer.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId, ...code });
        },
      });
      const house = await BridgeBadHouse.build(refusing);
      await house.connected();
      await house.publish("up/x", "unwanted", qos);
      await house.publish("up/x", "wanted", qos);
      await house.drained();
      expect(house.bad.payloads).toEqual(["unwanted", "wanted"]);
      expect(house.report.drops).toEqual({ rejected: 1 });
      expect(house.report.totals).toMatchObject({ forwarded: 1, connections: 1 });
      const { letters } = house.running.gateway.administration.deadLetters({ max: 10 });
      expect(letters).toMatchObject([
        { reason: "rejected", topic: "up/x", destination: { kind: "bridge", name: "bad" } },
      ]);
    },
  );
});

describe("a bridge whose upstream takes little", () => {
  const accepting = (properties: object) => politelyBut({ connect: (_, peer) => peer.accept(properties) });

  it("sends one message at a time where the receive maximum is 1", async () => {
    const unacknowledged: number[] = [];
    const house = await BridgeBadHouse.build(
      politelyBut({
        connect: (_, peer) => peer.accept({ receiveMaximum: 1 }),
        publish: ({ messageId = 0 }, peer) => {
          unacknowledged.push(peer.all("publish").length - unacknowledged.length);
          setImmediate(() => peer.send({ cmd: "puback", messageId }));
        },
      }),
    );
    await house.connected();
    for (let i = 0; i < 20; i++) house.publisher.publish("up/x", `${i}`, { qos: 1, messageId: i + 1 });
    await house.until(() => house.report.totals.forwarded === 20);
    expect(unacknowledged).toEqual(Array.from({ length: 20 }, () => 1));
    expect(house.bad.payloads).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
  });

  it("sends nothing that is larger than the maximum packet size, and what is behind it goes on", async () => {
    const house = await BridgeBadHouse.build(accepting({ maximumPacketSize: 100 }));
    await house.connected();
    await house.publish("up/x", "x".repeat(100), 1);
    await house.publish("up/x", "x".repeat(100), 2);
    await house.publish("up/x", "small", 2);
    await house.drained();
    expect(house.bad.payloads).toEqual(["small"]);
    expect(house.report.drops).toEqual({ "too-large": 2 });
    const { letters } = house.running.gateway.administration.deadLetters({ max: 10 });
    expect(letters.map(({ reason }) => reason)).toEqual(["too-large", "too-large"]);
    expect(house.complaints.length).toBeLessThanOrEqual(1);
  });

  it("sends at the QoS that is served, and nothing retained where that is not available", async () => {
    const house = await BridgeBadHouse.build(accepting({ maximumQoS: 0, retainAvailable: false }));
    await house.connected();
    house.publisher.publish("up/x", "retained", { qos: 2, messageId: 1, retain: true });
    await house.until(() => house.bad.messages.length === 1);
    await house.drained();
    expect(house.bad.messages).toMatchObject([{ qos: 0, retain: false, topic: "up/x" }]);
    expect(house.report.totals.forwarded).toBe(1);
    await house.publish("up/x", "again");
    await house.until(() => house.report.totals.forwarded === 2);
    expect(house.complaints).toEqual([]);
  });
});

describe("a bridge whose upstream subscribes it badly", () => {
  it("tells which filter was refused and why, once, and goes on with the others", async () => {
    const topics = [{ filter: "up/#" }, ...["a/#", "b/#"].map((filter) => ({ filter, direction: "down" }))];
    const refusing = politelyBut({
      subscribe: ({ subscriptions, messageId = 0 }, peer) => {
        const granted = subscriptions.map(({ topic, qos }) => (topic === "a/#" ? 0x87 : qos));
        peer.send({ cmd: "suback", messageId, granted });
      },
    });
    const house = await BridgeBadHouse.build(refusing, { topics });
    await house.connected();
    expect(house.complaints).toEqual([expect.stringMatching(/refused subscriptions: a\/#: not authorized \(0x87\)/)]);
    const device = await RawClient.connected(house.running.port, { clientId: "device" });
    await device.subscribe({ "#": 1 });
    const peer = house.bad.latest as UpstreamPeer;
    peer.send({ cmd: "publish", topic: "b/1", payload: "down", qos: 1, messageId: 9, dup: false, retain: false });
    expect(await device.message()).toMatchObject({ topic: "b/1", payload: "down" });
    expect((await peer.packet("puback")).messageId).toBe(9);
    await house.publish("up/x", "kept");
    await house.deliversWhatWaited();
    expect(house.complaints).toHaveLength(1);
  });

  it("takes an upstream that does not answer SUBSCRIBE for one that is not there", async () => {
    const silent = politelyBut({ subscribe: () => {} });
    const house = await BridgeBadHouse.build(silent, { ...bothWays, keepAliveSeconds: 2 });
    await (await house.bad.peer()).packet("subscribe");
    expect(house.report.state).toBe("connecting");
    house.clock.advance(4000);
    await house.failed(1);
    expect(house.complaints.at(-1)).toMatch(/does not answer SUBSCRIBE.*\(mqtt:/);
    await house.othersGoOn();
    house.bad.script = politely;
    await house.reconnected();
  });

  it("withstands a SUBACK with fewer codes than filters", async () => {
    const short = politelyBut({
      subscribe: ({ messageId = 0 }, peer) => peer.send({ cmd: "suback", messageId, granted: [1] }),
    });
    const topics = ["a/#", "b/#"].map((filter) => ({ filter, direction: "down" }));
    const house = await BridgeBadHouse.build(short, { topics });
    await house.until(() => house.complaints.length > 0 || house.report.state === "connected");
    await house.othersGoOn();
    expect(house.complaints[0]).toMatch(/suback/i);
    expect(house.complaints.length).toBeLessThanOrEqual(2);
  });
});

describe("a bridge whose upstream sends it away", () => {
  it.each([
    [0x9c, {}, /use another server \(0x9c\); it does not say which/],
    [0x9d, { serverReference: "other.example" }, /names "other\.example": set the url of the bridge to that/],
    [0x8e, {}, /same client id: give each bridge a clientId of its own/],
    [0x8b, { reasonString: "at night" }, /shutting down \(0x8b\); it says "at night"/],
    [0x97, { reasonString: "a\u0007b\nc".repeat(200) }, /over its quota/],
  ])("with DISCONNECT %i says why, and comes again", async (reasonCode, properties, line) => {
    const house = await BridgeBadHouse.build();
    await house.connected();
    const peer = house.bad.latest as UpstreamPeer;
    peer.send({ cmd: "disconnect", reasonCode, properties });
    await house.failed(1);
    expect(house.complaints).toEqual([expect.stringMatching(line)]);
    expect(house.complaints[0]).toContain(house.bad.url);
    expect(house.complaints[0]).not.toContain("\n");
    expect(house.complaints[0]?.length).toBeLessThan(600);
    await peer.closed();
    await house.publish("up/x", "kept");
    await house.othersGoOn();
    await house.deliversWhatWaited();
  });
});
