import { describe, expect, it } from "vitest";
import type { AuthenticationStep } from "../../src/authentication/authentication-method.ts";
import { WaypostError } from "../../src/waypost-error.ts";
import { connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const METHOD = "COUNT";
const asked = { cmd: "auth", reasonCode: 0x18, properties: { authenticationMethod: METHOD } };

/** A method that wants so many answers, each of them `<name>:yes`; `no` is refused, and `what` makes no sense. */
function counting(rounds: number) {
  return {
    name: METHOD,
    begin() {
      let round = 0;
      return {
        async next(data: Buffer | undefined): Promise<AuthenticationStep> {
          const [username = "", word] = (data?.toString() ?? "").split(":");
          if (word === "no") throw new WaypostError("ERR_NOT_AUTHORIZED", "you said no");
          if (word === "what") throw new WaypostError("ERR_PROTOCOL_VIOLATION", "that makes no sense");
          if (round === rounds) return { done: true, username, data: Buffer.from("welcome") };
          return { done: false, data: Buffer.from(`question ${++round}`) };
        },
      };
    },
  };
}

async function house(rounds: number, clock?: ManualClock) {
  const running = await startGateway({}, clock);
  const { gateway, port } = running;
  gateway.broker.authenticationMethods.set(METHOD, counting(rounds));
  const begin = async (word = "me:yes", more: object = {}) => {
    const client = await RawClient.open(port, 5);
    client.connect({ clientId: "device", ...more, properties: authentication(word) });
    return client;
  };
  /** One that was let in. */
  const device = async (more: object = {}) => {
    const client = await begin("me:yes", more);
    for (let round = 0; round < rounds; round++) {
      await client.next("auth");
      answer(client, "me:yes");
    }
    expect(await client.next("connack")).toMatchObject({ reasonCode: 0 });
    return client;
  };
  return { ...running, begin, device };
}

function authentication(word: string | undefined, authenticationMethod = METHOD) {
  return word === undefined
    ? { authenticationMethod }
    : { authenticationMethod, authenticationData: Buffer.from(word) };
}

function answer(client: RawClient, word: string | undefined, { reasonCode = 0x18, method = METHOD } = {}): void {
  client.send({ cmd: "auth", reasonCode, properties: authentication(word, method) });
}

describe("enhanced authentication", () => {
  it.each([0, 1, 3])(
    "takes %i AUTHs each way, and the CONNACK has the method and the last data [MQTT-4.12.0-2] [MQTT-4.12.0-3] [MQTT-4.12.0-5]",
    async (rounds) => {
      const { begin } = await house(rounds);
      const client = await begin();
      for (let round = 1; round <= rounds; round++) {
        const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from(`question ${round}`) };
        expect(await client.next()).toMatchObject({ ...asked, properties });
        answer(client, "me:yes");
      }
      const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from("welcome") };
      expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0, properties });
      await client.ping();
    },
  );

  it("shows the name that was proved to the hooks", async () => {
    const { gateway, device } = await house(1);
    const client = await device();
    expect(gateway.broker.clients.device).toMatchObject({ authenticated: { method: METHOD, username: "me" } });
    await client.ping();
  });

  it("may begin without data", async () => {
    const { port } = await house(1);
    const client = await RawClient.open(port, 5);
    client.connect({ properties: authentication(undefined) });
    expect(await client.next()).toMatchObject(asked);
  });

  it("by an unknown method is refused with 0x8C [MQTT-4.12.0-1]", async () => {
    const { port } = await house(1);
    const client = await RawClient.open(port, 5);
    client.connect({ properties: { authenticationMethod: "count" } });
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x8c, sessionPresent: false }]);
  });

  it.each([0, 1])("may be refused after %i rounds, with 0x87 [MQTT-4.12.0-4] [MQTT-3.2.2-7]", async (rounds) => {
    const { begin } = await house(1);
    const client = await begin(rounds === 0 ? "me:no" : "me:yes");
    if (rounds > 0) {
      await client.next("auth");
      answer(client, "me:no");
    }
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x87 }]);
  });

  it("that makes no sense to the method is a protocol error, 0x82", async () => {
    const { begin } = await house(1);
    expect(await (await begin("me:what")).ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x82 }]);
  });

  it("refused leaves the session and the will of the client id as they are", async () => {
    const { port, begin } = await house(0);
    const first = await connected5(port, { clientId: "device", lives: 100 });
    await first.disconnect();
    const will = { topic: "w", payload: Buffer.from("x"), qos: 0, retain: false } as const;
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ w: 0 });
    await (await begin("me:no", { will })).closed;
    expect(await payloadsSoFar(watcher)).toEqual([]);
    expect((await connected5(port, { clientId: "device", clean: false, lives: 100 })).sessionPresent).toBe(true);
  });

  it("does not disturb who is connected under the client id until it succeeds", async () => {
    const { port, begin } = await house(1);
    const first = await connected5(port, { clientId: "device" });
    const second = await begin();
    await second.next("auth");
    await first.ping();
    answer(second, "me:yes");
    expect(await second.next("connack")).toMatchObject({ reasonCode: 0 });
    expect(await first.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x8e }]);
  });

  it("is not asked for where the CONNECT has no method: no AUTH, no method in CONNACK [MQTT-4.12.0-6]", async () => {
    const { port } = await house(1);
    const client = await connected5(port);
    expect(client.connack?.properties).not.toHaveProperty("authenticationMethod");
    await client.ping();
    expect(client.packets).toEqual([]);
  });

  it("that is not gone on with ends after limits.connectSeconds", async () => {
    const clock = new ManualClock();
    const { begin } = await house(1, clock);
    const client = await begin();
    await client.next("auth");
    clock.advance(12_000);
    expect(await client.ending()).toEqual([]);
  });
});

describe("between CONNECT and CONNACK", () => {
  it("DISCONNECT may come, and its will is not published [MQTT-3.1.2-30]", async () => {
    const { port, begin, log } = await house(1);
    const watcher = await connected5(port, { clientId: "watcher" });
    await watcher.subscribe({ w: 0 });
    const client = await begin("me:yes", { will: { topic: "w", payload: Buffer.from("x"), qos: 0, retain: false } });
    await client.next("auth");
    await client.disconnect(0x04);
    expect(client.packets).toEqual([]);
    expect(await payloadsSoFar(watcher)).toEqual([]);
    expect(log.complaints).toEqual([]);
  });

  it.each([
    ["PUBLISH", { cmd: "publish", topic: "a", payload: "x", qos: 0, dup: false, retain: false }],
    ["SUBSCRIBE", { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] }],
    ["PINGREQ", { cmd: "pingreq" }],
    ["a second CONNECT", { cmd: "connect", protocolVersion: 5, clientId: "a", clean: true, keepalive: 0 }],
  ] as const)("%s must not come: 0x82, and no DISCONNECT [MQTT-3.1.2-30] [MQTT-3.14.0-1]", async (_name, packet) => {
    const { begin } = await house(1);
    const client = await begin();
    await client.next("auth");
    client.send(packet as never);
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x82 }]);
  });

  it("an AUTH with another method must not come: 0x82 [MQTT-4.12.0-5]", async () => {
    const { begin } = await house(1);
    const client = await begin();
    await client.next("auth");
    answer(client, "me:yes", { method: "SCRAM-SHA-256" });
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x82 }]);
  });

  it("an AUTH that begins anew must not come: 0x82 [MQTT-4.12.0-3]", async () => {
    const { begin } = await house(1);
    const client = await begin();
    await client.next("auth");
    answer(client, "me:yes", { reasonCode: 0x19 });
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x82 }]);
  });

  it("an AUTH that is malformed must not come: 0x81", async () => {
    const { begin } = await house(1);
    const client = await begin();
    await client.next("auth");
    client.bytes([0xf1, 1, 0x18]);
    expect(await client.ending()).toMatchObject([{ cmd: "connack", reasonCode: 0x81 }]);
  });

  it("what comes behind the last AUTH waits for the CONNACK", async () => {
    const { begin } = await house(1);
    const client = await begin();
    await client.next("auth");
    answer(client, "me:yes");
    client.send({ cmd: "subscribe", messageId: 7, subscriptions: [{ topic: "a", qos: 0 }] });
    client.publish("a", "early");
    expect(await client.next()).toMatchObject({ cmd: "connack", reasonCode: 0 });
    expect(await client.next()).toMatchObject({ cmd: "suback", messageId: 7 });
    expect(await client.message()).toMatchObject({ payload: "early" });
  });
});

describe("authenticating again", () => {
  it.each([0, 2])("takes %i more rounds, and ends with AUTH 0x00 [MQTT-4.12.1-1]", async (rounds) => {
    const { device } = await house(rounds);
    const client = await device();
    answer(client, "me:yes", { reasonCode: 0x19 });
    for (let round = 0; round < rounds; round++) {
      expect(await client.next()).toMatchObject(asked);
      answer(client, "me:yes");
    }
    const properties = { authenticationMethod: METHOD, authenticationData: Buffer.from("welcome") };
    expect(await client.next()).toMatchObject({ cmd: "auth", reasonCode: 0, properties });
    await client.ping();
  });

  it("leaves everything else going on meanwhile", async () => {
    const { port, device } = await house(1);
    const client = await device();
    await client.subscribe({ a: 1 });
    answer(client, "me:yes", { reasonCode: 0x19 });
    await client.next("auth");
    const other = await connected5(port, { clientId: "other" });
    other.publish("a", "meanwhile");
    expect(await client.message()).toMatchObject({ payload: "meanwhile" });
    client.publish("b", "x", { qos: 1, messageId: 1 });
    await client.next("puback");
    answer(client, "me:yes");
    expect(await client.next("auth")).toMatchObject({ reasonCode: 0 });
  });

  it.each([
    ["refused", "me:no", 0x87],
    ["as somebody else", "you:yes", 0x87],
    ["with what makes no sense", "me:what", 0x82],
  ])("%s ends the connection [MQTT-4.12.1-2]", async (_what, word, reasonCode) => {
    const { device } = await house(0);
    const client = await device();
    answer(client, word, { reasonCode: 0x19 });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode }]);
  });

  it("by another method ends the connection with 0x82 [MQTT-4.12.1-1]", async () => {
    const { device } = await house(0);
    const client = await device();
    answer(client, "n,,n=user,r=abcdefgh", { reasonCode: 0x19, method: "SCRAM-SHA-256" });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x82 }]);
  });

  it("twice at once, or going on with nothing, ends the connection with 0x82", async () => {
    const { device } = await house(1);
    const client = await device();
    answer(client, "me:yes", { reasonCode: 0x19 });
    await client.next("auth");
    answer(client, "me:yes", { reasonCode: 0x19 });
    expect(await client.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x82 }]);
    const second = await device();
    answer(second, "me:yes");
    expect(await second.ending()).toMatchObject([{ cmd: "disconnect", reasonCode: 0x82 }]);
  });

  it("may be done again and again", async () => {
    const { device } = await house(1);
    const client = await device();
    for (let time = 0; time < 20; time++) {
      answer(client, "me:yes", { reasonCode: 0x19 });
      await client.next("auth");
      answer(client, "me:yes");
      expect(await client.next("auth")).toMatchObject({ reasonCode: 0 });
    }
  });
});

describe("AUTH in MQTT 3.1.1", () => {
  it("is no packet: it closes the connection", async () => {
    const { port } = await house(1);
    const client = await RawClient.connected(port);
    client.bytes([0xf0, 0]);
    expect(await client.ending()).toEqual([]);
  });
});
