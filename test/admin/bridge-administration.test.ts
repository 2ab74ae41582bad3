import { describe, expect, it, onTestFinished } from "vitest";
import { GatewayAdministration } from "../../src/admin/gateway-administration.ts";
import { readQueueSettings } from "../../src/config/read-queue-settings.ts";
import { assembleBroker } from "../../src/create-broker.ts";
import { Message } from "../../src/store/message.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { bridgeReport, FakeBridges } from "./fake-bridges.ts";

const cloud = { kind: "bridge", name: "cloud" } as const;
const jobs = { kind: "queue", name: "jobs" } as const;
const notThere = { code: "ERR_NOT_FOUND", message: "there is no bridge none" };

async function started() {
  const bridges = new FakeBridges(bridgeReport(), bridgeReport({ name: "backup" }));
  const clock = new ManualClock();
  const { broker, registry, delivery } = assembleBroker({}, { clock });
  await broker.listen();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(() => resolve())));
  await delivery.start({ queues: {}, groups: {} }, readQueueSettings);
  const now = () => clock.now();
  const administration = new GatewayAdministration({ broker, registry, delivery, bridges, readQueueSettings, now });
  const message = (payload: string, topic = "t") => {
    const identity = { cmd: "publish" as const, brokerId: broker.id, brokerCounter: ++broker.counter };
    const packet = { ...identity, topic, payload: Buffer.from(payload), qos: 1 as const, retain: false, dup: false };
    return new Message(packet, 1, false);
  };
  return { administration, bridges, deadLetters: delivery.deadLetters, message };
}

const payloadsOf = (messages: readonly Message[]) => messages.map(({ payload }) => payload.toString());

describe("bridges in the administration", () => {
  it("are seen, paused, resumed, drained and removed", async () => {
    const { administration, bridges } = await started();
    expect(administration.bridges()).toEqual(bridges.all);
    expect(administration.bridge("backup")).toEqual(bridges.all[1]);
    await administration.pause(cloud);
    await administration.resume(cloud);
    expect(await administration.drainBridge("cloud")).toEqual(bridges.all[0]);
    expect(await administration.removeBridge("backup", true)).toEqual({ messages: 0 });
    expect(bridges.calls).toEqual([
      ["pause", "cloud"],
      ["resume", "cloud"],
      ["drain", "cloud"],
      ["remove", "backup", true],
    ]);
  });

  it("of a name that is not there are refused", async () => {
    const { administration, bridges } = await started();
    const none = { kind: "bridge", name: "none" } as const;
    expect(() => administration.bridge("none")).toThrow(expect.objectContaining(notThere));
    for (const refused of [
      administration.drainBridge("none"),
      administration.removeBridge("none", true),
      administration.pause(none),
      administration.resume(none),
      administration.purge(none),
      administration.move(cloud, none),
    ]) {
      await expect(refused).rejects.toMatchObject(notThere);
    }
    expect(bridges.calls).toEqual([]);
  });

  it("are purged, and moved from and to under numbers of their own", async () => {
    const { administration, bridges, message } = await started();
    const [here, there] = [bridges.mailbox("cloud"), bridges.mailbox("backup")];
    here.messages.push(...["1", "2", "3", "4"].map((payload) => message(payload)));
    const [first] = here.messages;
    await administration.createQueue("jobs", {});
    expect(await administration.move(cloud, jobs, 1)).toEqual({ messages: 1, left: 3 });
    expect(administration.queue("jobs").messages).toBe(1);
    there.messagesMax = 2;
    expect(await administration.move(cloud, { kind: "bridge", name: "backup" })).toEqual({ messages: 2, left: 1 });
    expect(payloadsOf(there.messages)).toEqual(["2", "3"]);
    expect(payloadsOf(here.messages)).toEqual(["4"]);
    expect(payloadsOf(here.forgotten)).toEqual(["1", "2", "3"]);
    expect(await administration.move(jobs, cloud)).toEqual({ messages: 1, left: 0 });
    expect(payloadsOf(here.messages)).toEqual(["4", "1"]);
    expect(here.messages[1]!.brokerCounter).toBeGreaterThan(first!.brokerCounter + 3);
    expect(await administration.purge(cloud)).toEqual({ messages: 2 });
    await expect(administration.move(cloud, cloud)).rejects.toMatchObject({ code: "ERR_USAGE" });
  });
});

describe("dead letters of bridges", () => {
  it("go to the bridge again, under the topic that they had, and stay where it has no room or is gone", async () => {
    const { administration, bridges, deadLetters, message } = await started();
    for (const payload of ["1", "2"]) deadLetters.put(message(payload, "site/t"), "mailbox-full", cloud);
    deadLetters.put(message("3"), "expired", { kind: "bridge", name: "gone" });
    expect(administration.deadLetters({ max: 1, destination: "cloud" }).letters).toMatchObject([
      { reason: "mailbox-full", topic: "site/t", destination: cloud },
    ]);
    bridges.mailbox("cloud").messagesMax = 1;
    expect(await administration.requeue({ all: true }, true)).toEqual({ requeued: 1, refused: 2 });
    const [again] = bridges.mailbox("cloud").messages;
    expect(again).toMatchObject({ topic: "site/t", payload: Buffer.from("1") });
    expect(again!.brokerCounter).toBeGreaterThan(3);
    expect(deadLetters.newestFirst.map(({ destination }) => destination.name)).toEqual(["gone", "cloud"]);
  });
});
