import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { again, consumerOf, payloadsOf, queueTools, texts } from "../support/queue-house.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5, type Told } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const queues = { jobs: { topics: ["jobs/#"] } };

async function publishAll(port: number, payloads: readonly string[], choices: object = {}, topic = "jobs/a") {
  const publisher = await Device5.connect(port, "publisher");
  for (const payload of payloads) await publisher.publishWhole(topic, payload, { qos: 1, ...choices });
  await publisher.disconnect();
}

async function takenFrom({ port }: Restarts, choices: object = {}): Promise<Told[]> {
  const worker = await consumerOf(port, "worker", { qos: 2, ...choices });
  const all = await worker.takeAll();
  await worker.disconnect();
  return all;
}

describe("a queue over a restart", () => {
  for (const how of ["stopped", "killed"] as const) {
    it.each([0, 1, 2] as const)(
      `has all that waited, in its order, when the gateway was ${how}, at QoS %s`,
      async (qos) => {
        const first = await restarts(root, { queues });
        await publishAll(first.port, texts(30), { qos });
        const next = await first[how]();
        const taken = await takenFrom(next);
        expect(payloadsOf(taken)).toEqual(texts(30));
        for (const each of taken) expect(each).toMatchObject({ dup: false, qos: Math.max(1, qos), topic: "jobs/a" });
        const last = await next[how]();
        expect(await takenFrom(last)).toEqual([]);
      },
    );

    it(`sends again what was under way when it was ${how}, marked, before what had not been sent`, async () => {
      const first = await restarts(root, { queues });
      const worker = await consumerOf(first.port, "first worker", { livesSeconds, qos: 2 });
      for (const qos of [1, 2]) await publishAll(first.port, [`at ${qos}`], { qos });
      expect(payloadsOf([await worker.message(), await worker.message()]).sort()).toEqual(["at 1", "at 2"]);
      await queueTools(first).pause();
      await publishAll(first.port, ["later"]);
      const next = await first[how]();
      expect(queueTools(next).report().paused).toBe(true);
      await queueTools(next).resume();
      expect(await takenFrom(next)).toMatchObject([
        { payload: "at 1", ...again(2) },
        { payload: "at 2", ...again(2) },
        { payload: "later", dup: false },
      ]);
    });

    it(`has its consumers with persistent sessions again when it was ${how}`, async () => {
      const first = await restarts(root, { queues });
      const worker = await consumerOf(first.port, "worker", { livesSeconds });
      await publishAll(first.port, ["1", "2"]);
      await worker.acknowledge(await worker.message());
      await worker.ping();
      const { port } = await first[how]();
      const back = await Device5.connect(port, "worker", { livesSeconds });
      expect(back.sessionPresent).toBe(true);
      expect(await back.take()).toMatchObject({ payload: "2", ...again(2) });
      await publishAll(port, ["3"]);
      expect(await back.take()).toMatchObject({ payload: "3", dup: false });
    });

    it(`of several on one topic has each message in each, when it was ${how}`, async () => {
      const both = { one: { topics: ["jobs/#"] }, two: { topics: ["#"] } };
      for (const qos of [0, 1, 2]) {
        const first = await restarts(root, { queues: both });
        const device = await Device5.connect(first.port, "device", { livesSeconds });
        await device.subscribe({ "jobs/#": 2 });
        await device.cut();
        await publishAll(first.port, texts(5), { qos });
        const second = await first[how]();
        expect(payloadsOf(await takenFrom(second, { from: "one" }))).toEqual(texts(5));
        const third = await second[how]();
        expect(payloadsOf(await takenFrom(third, { from: "one" }))).toEqual([]);
        expect(payloadsOf(await takenFrom(third, { from: "two" })), `at QoS ${qos}`).toEqual(texts(5));
        const last = await third[how]();
        for (const from of ["one", "two"]) expect(await takenFrom(last, { from })).toEqual([]);
        const back = await Device5.connect(last.port, "device", { livesSeconds });
        expect(payloadsOf(await back.takeAll())).toEqual(qos === 0 ? [] : texts(5));
      }
    });

    it(`keeps properties, priorities and addresses of what waits, when it was ${how}`, async () => {
      const first = await restarts(root, { queues });
      const said = (priority: string) => ({ properties: { contentType: "x", userProperties: { priority, a: "b" } } });
      await publishAll(first.port, ["low"], said("1"), "$queue/jobs/there");
      await publishAll(first.port, ["high"], said("9"), "$queue/jobs/here");
      const taken = await takenFrom(await first[how]());
      expect(taken).toMatchObject([
        { payload: "high", topic: "here", properties: said("9").properties },
        { payload: "low", topic: "there", properties: said("1").properties },
      ]);
    });

    it(`delivers after its delay what was published before it was ${how}`, async () => {
      const clock = new ManualClock();
      const first = await restarts(root, { queues: { jobs: { topics: ["jobs/#"], delaySeconds: 100 } } }, clock);
      await publishAll(first.port, ["1"]);
      await publishAll(first.port, ["2"], { properties: { userProperties: { delay: "300" } } });
      await publishAll(first.port, ["3"], { properties: { userProperties: { delay: "0" } } });
      clock.advance(50_000);
      const { port } = await first[how]();
      const worker = await consumerOf(port, "worker");
      expect(payloadsOf(await worker.takeAll())).toEqual(["3"]);
      clock.advance(45_000);
      expect(await worker.messages()).toEqual([]);
      clock.advance(10_000);
      expect(await worker.take()).toMatchObject({ payload: "1", dup: false });
      await worker.ping();
      clock.advance(190_000);
      expect(await worker.messages()).toEqual([]);
      clock.advance(20_000);
      expect(await worker.take()).toMatchObject({ payload: "2", dup: false });
    });
  }

  it("lets what waited too long while the gateway was off become dead letters", async () => {
    const clock = new ManualClock();
    const first = await restarts(root, { queues: { jobs: { topics: ["jobs/#"], timeToLiveSeconds: 100 } } }, clock);
    await publishAll(first.port, ["1"]);
    await publishAll(first.port, ["2"], { properties: { messageExpiryInterval: 10 } });
    await first.gateway.stop();
    clock.advance(50_000);
    const next = await first.stopped();
    clock.advance(1000);
    expect(queueTools(next).letters()).toEqual(["expired 2 jobs/a"]);
    clock.advance(100_000);
    expect(queueTools(next).letters()).toEqual(["expired 2 jobs/a", "expired 1 jobs/a"]);
  });

  it.each(["synced", "written", "memory"] as const)(
    "keeps what waits over a proper stop with durability %s, if that says so",
    async (durability) => {
      const first = await restarts(root, { queues, store: { durability } });
      await publishAll(first.port, texts(5));
      const taken = await takenFrom(await first.stopped());
      expect(payloadsOf(taken)).toEqual(durability === "memory" ? [] : texts(5));
    },
  );

  it.each([1, 2] as const)(
    "is on the disk with what was acknowledged at QoS %s, whenever the power fails",
    async (qos) => {
      const { port, directory } = await restarts(root, { queues });
      const publisher = await Device5.connect(port, "publisher");
      for (let count = 1; count <= 5; count++) {
        const messageId = publisher.publish("jobs/a", `${count}`, { qos });
        await publisher.answer(qos === 1 ? "puback" : "pubrec", messageId);
        const copy = join(root, `power cut ${qos} ${count}`);
        cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
        const after = await startGateway({ queues, store: { engine: "nedb", directory: copy } });
        const worker = await consumerOf(after.port, "worker", { qos: 2 });
        expect(payloadsOf(await worker.takeAll())).toEqual(texts(count));
      }
    },
  );

  it("loses the settled ones for good: none of them comes again after a kill", async () => {
    const first = await restarts(root, { queues });
    await publishAll(first.port, texts(50));
    const worker = await consumerOf(first.port, "worker");
    for (let i = 0; i < 25; i++) await worker.take();
    await worker.ping();
    const { port } = await first.killed();
    const rest = await (await consumerOf(port, "another")).takeAll();
    expect(payloadsOf(rest)).toEqual(texts(50, 26));
    // Those in the window of the first had been sent.
    expect(rest.filter(({ dup }) => dup)).toHaveLength(20);
  });

  it("that is not in the configuration any more keeps what it holds until that is taken", async () => {
    const first = await restarts(root, { queues });
    await publishAll(first.port, ["1"]);
    const next = await first.stopped({ queues: {} });
    await publishAll(next.port, ["2"]);
    expect(payloadsOf(await takenFrom(next))).toEqual(["1"]);
    const last = await next.stopped({ queues: {} });
    expect(last.gateway.administration.queues()).toEqual([]);
  });
});

describe("a QoS 2 consumer, and a gateway that was killed", () => {
  it("is never sent another message under a packet id that it has not seen released", async () => {
    const first = await restarts(root, { queues });
    const leaving = await consumerOf(first.port, "leaving", { livesSeconds, qos: 2 });
    await publishAll(first.port, ["1"], { qos: 2 });
    const { packetId } = await leaving.message();
    const { port } = await first.killed();
    const other = await consumerOf(port, "other", { qos: 2 });
    expect(payloadsOf(await other.takeAll())).toEqual(["1"]);
    await other.disconnect();
    const back = await Device5.connect(port, "leaving", { livesSeconds });
    expect(back.sessionPresent).toBe(true);
    const released = new Set<number>();
    const clashes: string[] = [];
    /** Takes so many messages, each with its whole handshake, and what is released beside them; returns their packet ids. */
    const take = async (count: number): Promise<number[]> => {
      const ids: number[] = [];
      for (let completed = 0; completed < count; ) {
        const { messageId = 0, ...packet } = await back.next();
        if (packet.cmd === "pubrel") {
          back.send({ cmd: "pubcomp", messageId });
          if (ids.includes(messageId)) completed++;
          else released.add(messageId);
        }
        if (packet.cmd !== "publish") continue;
        if (messageId === packetId && !released.has(messageId)) clashes.push(packet.payload.toString());
        ids.push(messageId);
        back.send({ cmd: "pubrec", messageId });
      }
      return ids;
    };
    const measured = publishAll(port, ["measure"], { qos: 2 });
    const [id = 0] = await take(1);
    await measured;
    // The next ten jobs are numbered so that one of them would have that packet id.
    const noise = await Device5.connect(port, "noise");
    for (let rest = (packetId - id - 5 + 65_535) % 65_535; rest > 0; rest--) noise.publish("noise");
    await noise.ping();
    const publishing = publishAll(port, texts(10), { qos: 2 });
    expect(await take(10)).toContain(packetId);
    await publishing;
    expect(clashes).toEqual([]);
  });
});
