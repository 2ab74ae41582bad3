import { describe, expect, it } from "vitest";
import type { Client } from "../../src/broker/edge-broker.ts";
import { connected5 } from "../support/client-5.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { done, embedParts } from "./embedded.ts";

const message = { cmd: "publish", dup: false, retain: false } as const;
const lives = { clean: false, lives: 3600 };

/** A broker with a device of MQTT 5 that has one message in flight at a time, and the device as hooks see it. */
async function house() {
  const clock = new ManualClock();
  const running = await embedParts({ clock, settings: { inFlightMax: 1 } });
  const back = () => connected5(running.port, { clientId: "device", ...lives });
  const device = await back();
  const client = running.broker.clients.device as unknown as Client;
  return { ...running, clock, device, client, back };
}

describe("client.publish", () => {
  it("counts the expiry of a message from then on: one that waited is dropped, others are told what is left [MQTT-3.3.2-5] [MQTT-3.3.2-6]", async () => {
    const { clock, context, device, client } = await house();
    for (const [payload, messageExpiryInterval] of [
      ["in flight", 100],
      ["too late", 5],
      ["in time", 100],
    ] as const) {
      const properties = { messageExpiryInterval };
      client.publish({ ...message, topic: "a", payload, qos: 1, properties } as never, () => {});
    }
    const first = await device.message();
    expect(first).toMatchObject({ payload: "in flight", properties: { messageExpiryInterval: 100 } });
    clock.advance(60_000);
    device.send({ cmd: "puback", messageId: first.messageId as number });
    expect(await messagesSoFar(device)).toMatchObject([
      { payload: "in time", properties: { messageExpiryInterval: 40 } },
    ]);
    expect(context.counters.dropped.expired).toBe(1);
  });
});

describe("client.emptyOutgoingQueue", () => {
  it("gives back what a group had lent the client: it is handed out again, and to another when the client leaves", async () => {
    const { port, device, client } = await house();
    await device.subscribe({ "$share/g/t/#": 1 });
    const publisher = await connected5(port, { clientId: "publisher" });
    for (const payload of ["1", "2"]) await publishAcknowledged(publisher, "t/a", payload);
    expect((await device.message()).payload).toBe("1");
    await done((callback) => client.emptyOutgoingQueue(callback as never));
    expect(await payloadsSoFar(device)).toEqual(["1"]);
    const other = await connected5(port, { clientId: "other", ...lives });
    await other.subscribe({ "$share/g/t/#": 1 });
    const taken = await other.message();
    expect(taken.payload).toBe("2");
    other.send({ cmd: "puback", messageId: taken.messageId as number });
    await device.cut();
    expect((await other.message()).payload).toBe("1");
  });

  it("and comes again to the client itself where that is the only one", async () => {
    const { port, device, client, back } = await house();
    await device.subscribe({ "$share/g/t/#": 1 });
    const publisher = await connected5(port, { clientId: "publisher" });
    await publishAcknowledged(publisher, "t/a", "x");
    await device.message();
    await done((callback) => client.emptyOutgoingQueue(callback as never));
    await device.cut();
    expect(await payloadsSoFar(await back())).toEqual(["x"]);
  });
});
