import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { embed, embedParts } from "./embedded.ts";

describe("events of a client's life", () => {
  it("connackSent, client and clientReady when it comes, clientDisconnect when it goes", async () => {
    const { broker, port } = await embed();
    const told: unknown[] = [];
    broker.on("client", ({ id, connecting, connected }) => told.push(["client", id, connecting, connected]));
    broker.on("connackSent", ({ returnCode }, { id }) => told.push(["connackSent", returnCode, id]));
    broker.on("clientReady", ({ id, connecting, connected }) => told.push(["clientReady", id, connecting, connected]));
    const gone = once(broker, "clientDisconnect");
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.ping();
    expect(broker.connectedClients).toBe(1);
    await client.disconnect();
    const [left] = await gone;
    expect([left.id, left.connected, left.closed, left.version, left.clean]).toEqual(["c", false, true, 4, true]);
    expect(told).toEqual([
      ["client", "c", true, false],
      ["connackSent", 0, "c"],
      ["clientReady", "c", false, true],
    ]);
    expect(broker.connectedClients).toBe(0);
  });

  it("connackSent with the return code when it is refused", async () => {
    const { broker, port } = await embed({ authenticate: (_client, _user, _password, done) => done(null, false) });
    const told = once(broker, "connackSent");
    const client = await RawClient.open(port);
    client.connect({ clientId: "c" });
    expect((await told)[0]).toMatchObject({ returnCode: 5 });
    await client.closed;
  });

  it("the client emits connected", async () => {
    const { broker, port } = await embed();
    const connected = new Promise((resolve) => {
      broker.on("client", (client) => client.on("connected", () => resolve(client.id)));
    });
    await RawClient.connected(port, { clientId: "c" });
    expect(await connected).toBe("c");
  });

  it("$SYS tells of clients and subscriptions", async () => {
    const { broker, port } = await embed({ id: "b" });
    const told: string[] = [];
    broker.subscribe(
      "$SYS/#",
      (packet, done) => {
        told.push(`${packet.topic} ${packet.payload}`);
        done();
      },
      () => {},
    );
    const gone = once(broker, "clientDisconnect");
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.subscribe({ a: 1 });
    client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["a"] });
    await client.next("unsuback");
    await client.disconnect();
    await gone;
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual([
      "$SYS/b/new/clients c",
      '$SYS/b/new/subscribes {"clientId":"c","subs":[{"topic":"a","qos":1}]}',
      '$SYS/b/new/unsubscribes {"clientId":"c","subs":["a"]}',
      "$SYS/b/disconnect/clients c",
    ]);
  });

  it("clientError for what a known client does wrong, connectionError for the others", async () => {
    const { broker, port } = await embed();
    const wrong = once(broker, "clientError");
    const known = await RawClient.connected(port, { clientId: "c" });
    known.bytes([0xf0, 0]);
    expect((await wrong)[0].id).toBe("c");
    const unknown = once(broker, "connectionError");
    const stranger = await RawClient.open(port);
    stranger.bytes([0xf0, 0]);
    expect((await unknown)[1].message).toContain("not CONNECT");
    await stranger.closed;
  });

  it("keepaliveTimeout when it falls silent", async () => {
    const clock = new ManualClock();
    const { broker, port } = await embedParts({ clock });
    const client = await RawClient.connected(port, { clientId: "c", keepalive: 2 });
    const silent = once(broker, "keepaliveTimeout");
    for (let seconds = 0; seconds < 6; seconds++) clock.advance(1000);
    expect((await silent)[0].id).toBe("c");
    await client.closed;
  });

  it("ping when it pings", async () => {
    const { broker, port } = await embed();
    const pinged = once(broker, "ping");
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.ping();
    const [packet, pinging] = await pinged;
    expect([packet.cmd, pinging.id]).toEqual(["pingreq", "c"]);
  });
});

describe("events of messages", () => {
  it("publish, with the client or with null for what the broker publishes", async () => {
    const { broker, port } = await embed();
    const told: unknown[] = [];
    broker.on("publish", (packet, client) => {
      if (!packet.topic.startsWith("$SYS/")) told.push([packet.topic, `${packet.payload}`, client?.id ?? null]);
    });
    const client = await RawClient.connected(port, { clientId: "c" });
    broker.publish({ cmd: "publish", topic: "ours", payload: "a", qos: 0, dup: false, retain: false }, () => {});
    for (const qos of [0, 1, 2] as const) client.publish(`theirs/${qos}`, "b", { qos, messageId: qos });
    await client.ping();
    expect(told).toEqual([
      ["ours", "a", null],
      ["theirs/0", "b", "c"],
      ["theirs/1", "b", "c"],
      ["theirs/2", "b", "c"],
    ]);
  });

  it.each([true, false])("ack when a receiver has acknowledged at QoS 1 and 2 (clean: %s)", async (clean) => {
    const { broker, port } = await embed();
    const told: unknown[] = [];
    broker.on("ack", (packet, client) => told.push([packet?.messageId, client.id]));
    const client = await RawClient.connected(port, { clientId: "c", clean });
    await client.subscribe({ "ack/#": 2 });
    broker.publish({ cmd: "publish", topic: "ack/1", payload: "x", qos: 1, dup: false, retain: false }, () => {});
    broker.publish({ cmd: "publish", topic: "ack/2", payload: "x", qos: 2, dup: false, retain: false }, () => {});
    const one = (await client.message()).messageId as number;
    const two = (await client.message()).messageId as number;
    expect(told).toEqual([]);
    client.send({ cmd: "puback", messageId: one });
    client.send({ cmd: "pubrec", messageId: two });
    await client.next("pubrel");
    expect(told).toEqual([[one, "c"]]);
    client.send({ cmd: "pubcomp", messageId: two });
    await client.ping();
    expect(told).toEqual([
      [one, "c"],
      [two, "c"],
    ]);
  });

  it("subscribe with what was granted and what was refused, unsubscribe with the filters", async () => {
    const { broker, port } = await embed({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic === "no" ? null : subscription),
    });
    const subscribed = once(broker, "subscribe");
    const unsubscribed = once(broker, "unsubscribe");
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.subscribe({ yes: 1, no: 2 });
    client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["yes", "other"] });
    await client.next("unsuback");
    const [subscriptions, subscriber] = await subscribed;
    expect(subscriptions).toEqual([
      { topic: "yes", qos: 1 },
      { topic: "no", qos: 128 },
    ]);
    const [filters, unsubscriber] = await unsubscribed;
    expect([filters, subscriber.id, unsubscriber.id]).toEqual([["yes", "other"], "c", "c"]);
  });

  it("a listener of connackSent may close the client, which leaves nothing behind", async () => {
    const running = await embedParts();
    running.broker.once("connackSent", (_packet, client) => client.close());
    const client = await RawClient.open(running.port);
    client.connect({ clientId: "c" });
    await client.closed;
    expect([...running.registry.devices]).toEqual([]);
  });

  it("a listener of clientDisconnect that throws does not keep the stream open", async () => {
    const { broker, port } = await embed();
    broker.once("clientDisconnect", () => {
      throw new TypeError("the listener is broken");
    });
    const client = await RawClient.connected(port, { clientId: "c" });
    await client.disconnect();
  });
});

describe("closing the broker", () => {
  it("closes all clients, calls back, and emits closed; a second close only calls back", async () => {
    const { broker, port } = await embed();
    const client = await RawClient.connected(port, { clientId: "c" });
    const stranger = await RawClient.open(port);
    stranger.bytes("10");
    const witness = await RawClient.connected(port, { clientId: "w" }); // the stranger's connection was accepted before
    const closed = once(broker, "closed");
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    await Promise.all([closed, client.closed, stranger.closed, witness.closed]);
    expect([broker.closed, broker.connectedClients]).toEqual([true, 0]);
    await new Promise<void>((resolve) => broker.close(() => resolve()));
  });
});
