import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Client } from "../../src/broker/edge-broker.ts";
import { RawClient } from "../support/raw-client.ts";
import { done, embed, embedParts } from "./embedded.ts";

const message = { cmd: "publish", dup: false, retain: false } as const;

async function connected(options: Parameters<typeof embed>[0] = {}, clean = true) {
  const { broker, port } = await embed(options);
  const ready = once(broker, "clientReady");
  const peer = await RawClient.connected(port, { clientId: "c", clean });
  const client = (await ready)[0] as Client;
  return { broker, port, peer, client };
}

describe("client.publish", () => {
  it.each<0 | 1 | 2>([0, 1, 2])("reaches this client only, without a subscription, at QoS %s", async (qos) => {
    const { port, peer, client } = await connected();
    const other = await RawClient.connected(port, { clientId: "other" });
    await other.subscribe({ "#": 2 });
    await done((callback) => client.publish({ ...message, topic: "for/you", payload: "x", qos }, callback));
    expect(await peer.message()).toMatchObject({ topic: "for/you", payload: "x", qos });
    await other.ping();
    expect(other.packets).toEqual([]);
  });

  it("is sent again to a persistent session that had not acknowledged", async () => {
    const { port, peer, client } = await connected({}, false);
    client.publish({ ...message, topic: "again", payload: "x", qos: 1 });
    await peer.message();
    await peer.cut();
    const back = await RawClient.connected(port, { clientId: "c", clean: false });
    expect(await back.message()).toMatchObject({ topic: "again", dup: true });
  });

  it("after the client has gone calls back with an error", async () => {
    const { broker, peer, client } = await connected();
    const gone = once(broker, "clientDisconnect");
    await peer.cut();
    await gone;
    const call = done((callback) => client.publish({ ...message, topic: "late", payload: "x", qos: 0 }, callback));
    await expect(call).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  // The connection has no device yet when aedes emits `client`: the message is refused with ERR_CLOSED.
  it("is possible as soon as the client event is emitted", async () => {
    const { broker, port } = await embed();
    broker.on("client", (client) => client.publish({ ...message, topic: "welcome", payload: "x", qos: 1 }));
    const peer = await RawClient.connected(port, { clientId: "c" });
    await peer.ping();
    expect(peer.packets).toMatchObject([{ cmd: "publish", topic: "welcome" }]);
  });
});

describe("client.subscribe and client.unsubscribe", () => {
  it("take one subscription, a list, or a whole packet, which is answered", async () => {
    const { broker, peer, client } = await connected();
    await done((callback) => client.subscribe({ topic: "one", qos: 0 }, callback));
    await done((callback) => client.subscribe([{ topic: "two", qos: 1 }], callback));
    const packet = { cmd: "subscribe", messageId: 42, subscriptions: [{ topic: "three", qos: 2 as const }] };
    await done((callback) => client.subscribe(packet as never, callback));
    expect(await peer.next("suback")).toMatchObject({ messageId: 42, granted: [2] });
    const all = ["one", "two", "three"];
    for (const topic of all) broker.publish({ ...message, topic, payload: "x", qos: 2 }, () => {});
    for (const [qos, topic] of all.entries()) expect(await peer.message()).toMatchObject({ topic, qos });
    await done((callback) => client.unsubscribe("one" as never, callback));
    await done((callback) => client.unsubscribe(["two"] as never, callback));
    const leaving = { cmd: "unsubscribe", messageId: 43, unsubscriptions: ["three"] };
    await done((callback) => client.unsubscribe(leaving as never, callback));
    expect(await peer.next("unsuback")).toMatchObject({ messageId: 43 });
    for (const topic of all) broker.publish({ ...message, topic, payload: "x", qos: 0 }, () => {});
    await peer.ping();
    expect(peer.packets).toEqual([]);
  });

  // The connection has no device yet when aedes emits `client`: it is closed with ERR_CLOSED.
  it("are possible as soon as the client event is emitted", async () => {
    const { broker, port } = await embed();
    const subscribed = new Promise<Error | undefined>((resolve) => {
      broker.on("client", (client) => client.subscribe({ topic: "early", qos: 0 }, resolve as never));
    });
    const peer = await RawClient.connected(port, { clientId: "c" });
    expect(await subscribed).toBeUndefined();
    peer.publish("early", "x");
    expect((await peer.message()).topic).toBe("early");
  });

  // `resume` at the end of the one ends the wait of the other: the connection counts no suspensions.
  it("do not let packets pass that wait for a hook", async () => {
    let allow: () => void = () => {};
    let tell: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      tell = resolve;
    });
    const { broker, peer, client } = await connected({
      authorizePublish(_client, packet, callback) {
        if (packet.topic !== "first") return callback(null);
        allow = () => callback(null);
        tell();
      },
    });
    const published: string[] = [];
    broker.on("publish", ({ topic }) => {
      if (!topic.startsWith("$SYS/")) published.push(topic);
    });
    peer.publish("first", "x");
    peer.publish("second", "x");
    await asked;
    await done((callback) => client.subscribe({ topic: "meanwhile", qos: 0 }, callback));
    allow();
    await peer.ping();
    expect(published).toEqual(["first", "second"]);
  });
});

describe("client.close", () => {
  it("disconnects, publishes the will, and calls back", async () => {
    const { broker, port } = await embed();
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ will: 0 });
    const ready = once(broker, "clientReady");
    const will = { topic: "will", payload: Buffer.from("x"), qos: 0, retain: false } as const;
    const peer = await RawClient.connected(port, { clientId: "c", will });
    const [client] = await ready;
    await done((callback) => client.close(callback));
    await done((callback) => client.close(callback));
    await peer.closed;
    expect((await watcher.message()).topic).toBe("will");
    expect(broker.connectedClients).toBe(1);
  });

  // `registered` is set after aedes has emitted `client`, so the connection is never unregistered.
  it("is possible as soon as the client event is emitted", async () => {
    const { broker, port } = await embed();
    broker.on("client", (client) => client.close());
    const peer = await RawClient.open(port);
    peer.connect({ clientId: "c" });
    await peer.closed;
    expect([broker.connectedClients, Object.keys(broker.clients)]).toEqual([0, []]);
  });
});

describe("client.emptyOutgoingQueue", () => {
  // The mailbox and the window of the device are left as they are.
  it("forgets what waits for the client, in the mailbox as in the store", async () => {
    const { broker, port, log } = await embedParts({ settings: { inFlightMax: 2 } });
    const ready = once(broker, "clientReady");
    const peer = await RawClient.connected(port, { clientId: "c", clean: false });
    const client = (await ready)[0] as Client;
    await peer.subscribe({ "q/#": 1 });
    for (let i = 0; i < 5; i++) broker.publish({ ...message, topic: `q/${i}`, payload: "x", qos: 1 }, () => {});
    const inFlight = [await peer.message(), await peer.message()];
    await done((callback) => client.emptyOutgoingQueue(callback as never));
    for (const { messageId } of inFlight) peer.send({ cmd: "puback", messageId: messageId as number });
    await peer.ping();
    expect(peer.packets).toEqual([]);
    expect(log.complaints).toEqual([]);
    await peer.disconnect();
    const back = await RawClient.connected(port, { clientId: "c", clean: false });
    await back.ping();
    expect(back.packets).toEqual([]);
  });
});

describe("broker.subscribe, broker.unsubscribe, broker.publish", () => {
  it("a function gets what is published until it is unsubscribed", async () => {
    const { broker } = await embed();
    const got: string[] = [];
    const listener = (packet: { topic: string }, callback: () => void) => {
      got.push(packet.topic);
      callback();
    };
    await done((callback) => broker.subscribe("a/+", listener as never, callback));
    await done((callback) => broker.publish({ ...message, topic: "a/b", payload: "x", qos: 0 }, callback));
    await done((callback) => broker.unsubscribe("a/+", listener as never, callback));
    await done((callback) => broker.publish({ ...message, topic: "a/c", payload: "x", qos: 0 }, callback));
    expect(got).toEqual(["a/b"]);
  });

  it("a function that takes its time holds back the acknowledgement of the publisher", async () => {
    const { broker, peer } = await connected();
    let finish: () => void = () => {};
    await done((callback) =>
      broker.subscribe(
        "slow",
        (_packet, finished) => {
          finish = finished;
        },
        callback,
      ),
    );
    peer.publish("slow", "x", { qos: 1, messageId: 1 });
    await peer.ping();
    expect(peer.packets).toEqual([]);
    finish();
    await peer.next("puback");
  });

  it("a topic of 101 levels calls back with an error", async () => {
    const { broker } = await embed();
    const topic = Array.from({ length: 101 }, () => "a").join("/");
    const call = done((callback) => broker.publish({ ...message, topic, payload: "x", qos: 0 }, callback));
    await expect(call).rejects.toThrow("too many levels");
  });

  it("a payload may be text, and a packet may say no more than topic and payload", async () => {
    const { broker, peer } = await connected();
    await peer.subscribe({ "#": 1 });
    await done((callback) => broker.publish({ topic: "short", payload: "täxt" } as never, callback));
    expect(await peer.message()).toMatchObject({ topic: "short", payload: "täxt", qos: 0, retain: false });
  });

  it("a retained text payload is kept", async () => {
    const { broker, peer } = await connected();
    await done((callback) =>
      broker.publish({ ...message, topic: "kept", payload: "text", qos: 0, retain: true }, callback),
    );
    await peer.subscribe({ kept: 1 });
    expect(await peer.message()).toMatchObject({ topic: "kept", payload: "text", retain: true });
  });

  it("a payload that is published again under another topic arrives under that topic", async () => {
    const { broker, port } = await embed();
    broker.on("publish", ({ topic, payload }) => {
      if (topic === "a")
        broker.publish({ cmd: "publish", topic: "b", payload, qos: 0, retain: false, dup: false }, () => {});
    });
    const watcher = await RawClient.connected(port, { clientId: "watcher" });
    await watcher.subscribe({ "+": 0 });
    const sender = await RawClient.connected(port, { clientId: "sender" });
    sender.publish("a", "x");
    expect([(await watcher.message()).topic, (await watcher.message()).topic]).toEqual(["a", "b"]);
  });
});
