import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { back, mailbox, numbers, publishAll, queue, readOf } from "../scenario/administration-house.ts";
import { Device5 } from "../scenario/mqtt5-device.ts";
import { house, houseOf, turns } from "../scenario/multicast-house.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { ask } from "./control-at.ts";

const root = temporaryDirectory();

describe("what is reported of a queue", () => {
  it("has its depth, age, deliveries, consumers and totals", async () => {
    const clock = new ManualClock();
    const changes = { queues: { jobs: { topics: ["jobs/#"], consumersMax: 1, consumerWindow: 2 } } };
    const running = await house(root, changes, clock);
    const empty = running.administration.queue("jobs");
    expect(empty).toMatchObject({
      name: "jobs",
      topics: ["jobs/#"],
      origin: "configuration",
      paused: false,
      messages: 0,
      bytes: 0,
      delayed: 0,
      oldestSeconds: null,
      inDelivery: 0,
      consumers: [],
      totals: { arrived: 0, settled: 0, redelivered: 0, deadLetters: 0 },
    });
    await publishAll(running, "jobs/1", numbers(1, 5));
    await publishAll(running, "jobs/1", ["later"], { properties: { userProperties: { delay: "100" } } });
    clock.advance(7000);
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    const spare = await running.device("spare");
    await spare.subscribe({ "$queue/jobs": 1 });
    await worker.ping();
    const report = running.administration.queue("jobs");
    expect(report).toMatchObject({
      messages: 4,
      delayed: 1,
      oldestSeconds: 7,
      inDelivery: 2,
      consumers: [
        { id: "worker", online: true, backup: false, inDelivery: 2 },
        { id: "spare", online: true, backup: true, inDelivery: 0 },
      ],
      totals: { arrived: 6, settled: 0 },
    });
    expect(report.bytes).toBeGreaterThan(4);
    const message = await worker.take();
    expect(message.payload).toBe("1");
    await worker.ping();
    expect(running.administration.queue("jobs")).toMatchObject({ messages: 3, inDelivery: 2, totals: { settled: 1 } });
    await worker.cut();
    await turns();
    expect(running.administration.queue("jobs").consumers).toMatchObject([
      { id: "spare", backup: false, inDelivery: 2 },
    ]);
    expect(running.administration.queue("jobs").totals.redelivered).toBe(2);
    expect(() => running.administration.queue("none")).toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
  });
});

describe("a place that is paused", () => {
  it("keeps what waits and what comes, until it is resumed: a queue", async () => {
    const running = await house(root, { queues: { jobs: { topics: ["jobs/#"] } } });
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    await running.administration.pause(queue("jobs"));
    await publishAll(running, "jobs/1", numbers(1, 3));
    expect(await worker.payloads()).toEqual([]);
    expect(running.administration.queue("jobs")).toMatchObject({ paused: true, messages: 3, inDelivery: 0 });
    await running.administration.resume(queue("jobs"));
    expect((await worker.takeAll()).map(({ payload }) => payload)).toEqual(numbers(1, 3));
  });

  it("keeps what waits and what comes, until it is resumed: a mailbox, also across a reconnection", async () => {
    const running = await house(root);
    const reader = await running.device("reader", back);
    await reader.subscribe({ t: 2 });
    await running.administration.pause(mailbox("reader"));
    await publishAll(running, "t", ["1"]);
    await publishAll(running, "t", ["2"], { qos: 2 });
    await publishAll(running, "t", ["passes"], { qos: 0 });
    expect((await reader.messages()).map(({ payload }) => payload)).toEqual(["passes"]);
    expect(running.administration.mailbox("reader")).toMatchObject({
      device: "reader",
      paused: true,
      messages: 2,
      online: true,
    });
    await reader.disconnect();
    const again = await running.device("reader", back);
    expect(await again.payloads()).toEqual([]);
    await running.administration.resume(mailbox("reader"));
    expect((await again.takeAll()).map(({ payload }) => payload)).toEqual(["1", "2"]);
    expect(running.administration.mailbox("reader")).toMatchObject({ paused: false, messages: 0 });
    expect(() => running.administration.mailbox("none")).toThrow(expect.objectContaining({ code: "ERR_NOT_FOUND" }));
  });
});

describe("a place that is purged", () => {
  it("is empty, on the disk too, and what is in delivery stays", async () => {
    const running = await house(root, { queues: { jobs: { topics: ["jobs/#"], consumerWindow: 1 } } });
    await running.away("reader", { t: 2 });
    await publishAll(running, "t", numbers(1, 4));
    await publishAll(running, "t", ["5"], { qos: 2 });
    await publishAll(running, "jobs/1", numbers(1, 4));
    await publishAll(running, "jobs/1", ["delayed"], { properties: { userProperties: { delay: "100" } } });
    const worker = await running.device("worker");
    await worker.subscribe({ "$queue/jobs": 1 });
    const under = await worker.message();
    expect(await running.administration.purge(queue("jobs"))).toEqual({ messages: 4 });
    expect(await running.administration.purge(mailbox("reader"))).toEqual({ messages: 5 });
    expect(running.administration.queue("jobs")).toMatchObject({ messages: 0, bytes: 0, delayed: 0, inDelivery: 1 });
    expect(running.letters()).toEqual([]);
    const killed = houseOf(await running.killed());
    expect(await readOf(killed, "reader")).toEqual([]);
    expect(await readOf(killed, "other", "$queue/jobs")).toEqual([under.payload]);
  });
});

describe("the control socket of a gateway", () => {
  it("does what is asked of it, and is gone when the gateway stops", async () => {
    const running = await house(root);
    const path = join(running.directory, "control.sock");
    const post = (line: string, body: object = {}) =>
      ask(path, line, Object.keys(body).length > 0 ? JSON.stringify(body) : "");
    expect(await post("POST /queues", { name: "made", settings: { topics: ["made/#"] } })).toMatchObject({
      status: 201,
      body: { name: "made" },
    });
    await publishAll(running, "made/1", numbers(1, 2));
    expect(await post("DELETE /queues/made")).toMatchObject({ status: 409, body: { error: { code: "ERR_CONFLICT" } } });
    expect(await post("POST /queues/made/pause")).toMatchObject({ status: 200 });
    expect(await ask(path, "GET /queues/made")).toMatchObject({ status: 200, body: { paused: true, messages: 2 } });
    await running.away("a/b %");
    expect(await post("POST /queues/made/move", { to: { kind: "device", name: "a/b %" }, max: 1 })).toMatchObject({
      body: { messages: 1, left: 1 },
    });
    expect(await ask(path, `GET /mailboxes/${encodeURIComponent("a/b %")}`)).toMatchObject({
      status: 200,
      body: { messages: 1 },
    });
    expect(await post("DELETE /queues/made?force=true")).toMatchObject({ status: 200, body: { messages: 1 } });
    expect(await ask(path, "GET /dead-letters?reason=queue-removed")).toMatchObject({
      body: { letters: [{ topic: "made/1" }] },
    });
    expect(await post("POST /dead-letters/requeue", { all: true })).toMatchObject({
      body: { requeued: 0, refused: 1 },
    });
    expect(await post("POST /dead-letters/purge", {})).toMatchObject({ status: 400 });
    expect(await post("POST /dead-letters/purge", { all: true })).toMatchObject({ body: { messages: 1 } });
    expect(await ask(path, "GET /groups")).toMatchObject({ status: 200, body: { groups: [] } });
    await running.gateway.stop();
    expect(existsSync(path)).toBe(false);
  });

  it("is not there where it is off, nor with a store in memory unless a path is given", async () => {
    const off = await house(root, { control: { enabled: false } });
    expect(existsSync(join(off.directory, "control.sock"))).toBe(false);
    const memory = await startGateway();
    expect(memory.log.complaints).toEqual([]);
    const path = join(root, "own.sock");
    await startGateway({ control: { path } });
    expect(await ask(path, "GET /queues")).toMatchObject({ status: 200, body: { queues: [] } });
  });

  it("of a gateway with a store in memory offers all the same, and its queues and letters last as long as it does", async () => {
    const path = join(root, "memory.sock");
    const { port } = await startGateway({ control: { path } });
    await ask(path, "POST /queues", JSON.stringify({ name: "made", settings: { topics: ["made/#"] } }));
    const publisher = await Device5.connect(port, "publisher");
    expect(await publisher.publishWhole("made/1", "x", { qos: 1 })).toBe(0);
    await publisher.publishWhole("$queue/none/1", "x", { qos: 1 });
    expect(await ask(path, "GET /queues/made")).toMatchObject({ body: { messages: 1 } });
    expect(await ask(path, "GET /dead-letters")).toMatchObject({ body: { kept: { messages: 1 } } });
  });
});
