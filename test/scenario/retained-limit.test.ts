import { describe, expect, it } from "vitest";
import { countedDrops } from "../support/counted-drops.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

async function house(retained: object) {
  const clock = new ManualClock();
  const { port, log } = await startGateway({ retained }, clock);
  const watcher = await RawClient.connected(port, { clientId: "watcher" });
  await watcher.subscribe({ "r/#": 0 });
  const publisher = await RawClient.connected(port, { clientId: "publisher" });
  const retain = async (topic: string, payload: string, qos: 0 | 1 | 2 = 1) => {
    await publishAcknowledged(publisher, topic, payload, { qos, retain: true });
  };
  const kept = async () => {
    const fresh = await RawClient.connected(port, { clientId: "fresh" });
    await fresh.subscribe({ "r/#": 0 });
    const entries = (await messagesSoFar(fresh)).map(({ topic, payload }) => [topic, payload]);
    await fresh.disconnect();
    return Object.fromEntries(entries);
  };
  const counted = () => {
    clock.advance(10_000);
    return countedDrops(port);
  };
  return { log, watcher, retain, kept, counted };
}

describe("a retained message beyond the limit", () => {
  it.each([0, 1, 2] as const)("is delivered and acknowledged, and not kept: QoS %s", async (qos) => {
    const { log, watcher, retain, kept, counted } = await house({ messagesMax: 2 });
    for (const topic of ["r/1", "r/2", "r/3"]) await retain(topic, `of ${topic}`, qos);
    expect((await messagesSoFar(watcher)).map(({ topic }) => topic)).toEqual(["r/1", "r/2", "r/3"]);
    expect(await kept()).toEqual({ "r/1": "of r/1", "r/2": "of r/2" });
    expect(await counted()).toEqual({ "retained-full": 1 });
    expect(log.complaints.map(({ fields }) => fields)).toEqual([
      { reason: "retained-full", messages: 1, devices: ["r/3"] },
    ]);
  });

  it("does not keep others from being replaced and cleared, which makes room", async () => {
    const { retain, kept, counted } = await house({ messagesMax: 2 });
    for (const topic of ["r/1", "r/2"]) await retain(topic, "old");
    await retain("r/1", "newer");
    await retain("r/2", "");
    await retain("r/3", "there is room");
    expect(await kept()).toEqual({ "r/1": "newer", "r/3": "there is room" });
    expect(await counted()).toEqual({});
  });

  it("leaves what was there, where it has too many bytes; one with fewer replaces it", async () => {
    const { retain, kept, counted } = await house({ bytesMax: 100 });
    await retain("r/1", "x".repeat(50));
    await retain("r/1", "y".repeat(200));
    expect(await kept()).toEqual({ "r/1": "x".repeat(50) });
    await retain("r/1", "z".repeat(60));
    await retain("r/2", "q".repeat(60));
    expect(await kept()).toEqual({ "r/1": "z".repeat(60) });
    expect(await counted()).toEqual({ "retained-full": 2 });
  });

  it("is every one, where none may be kept; what the gateway says of itself is all the same", async () => {
    const { retain, kept, counted } = await house({ messagesMax: 0 });
    await retain("r/1", "1");
    expect(await kept()).toEqual({});
    expect(await counted()).toEqual({ "retained-full": 1 });
  });
});
