import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ChildProcesses } from "../../bench/child-processes.ts";
import { firstDelivery } from "../../bench/first-delivery.ts";
import { LoadGenerator } from "../../bench/load-generator.ts";
import { compilerInstalled } from "./compiler-installed.ts";
import { QueueBroker } from "./queue-broker.ts";

describe.skipIf(!compilerInstalled())("the load generator with a queue", () => {
  const children = new ChildProcesses();
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
  let generator: LoadGenerator;
  let broker: QueueBroker;

  beforeAll(() => {
    generator = new LoadGenerator(children, folder);
  });
  afterAll(() => {
    children.killAll();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    broker = await QueueBroker.start();
  });
  afterEach(() => broker.stop());

  const load = { qos: 1, publishers: 2, subscribers: 3, messages: 200, "warmup-ms": 0 };
  const run = (mode: string, options = {}) => generator.run({ ...load, mode, port: broker.port, ...options });

  it("accounts for every message of which each goes to one consumer", async () => {
    expect(await run("queue")).toMatchObject({ expected: 200, received: 200, lost: 0, outOfOrder: 0 });
  });

  it("fills it without a consumer, and drains it", async () => {
    expect(await run("queue-fill")).toMatchObject({ acknowledged: 200 });
    expect(broker.depth).toBe(200);
    expect(await run("queue-drain")).toMatchObject({ received: 200, lost: 0, outOfOrder: 0 });
    expect(broker.depth).toBe(0);
  });

  it("counts as lost what was acknowledged and does not come", async () => {
    await broker.stop();
    broker = await QueueBroker.start([7, 9]);
    expect(await run("queue", { messages: 20, "measure-ms": 200 })).toMatchObject({ received: 18, lost: 2 });
  });

  it("gives every key as many messages as any other, each key from one publisher", async () => {
    await run("queue-fill", { burst: 10, keys: 20 });
    const counts = new Map<string, number>();
    for (const topic of broker.topics) counts.set(topic, (counts.get(topic) ?? 0) + 1);
    const expected = Array.from(
      { length: 20 },
      (_, key) => `bench/${key < 10 ? 0 : 1}/000${String(key).padStart(2, "0")}`,
    );
    expect([...counts.keys()].sort()).toEqual(expected);
    expect(new Set(counts.values())).toEqual(new Set([10]));
  });

  it("lets the others have what a consumer held that never read, and counts that apart", async () => {
    // Six slices of 300 ms, of which the first four are not measured.
    const result = await run("queue-stall", { "measure-ms": 1800, rate: 1000, messages: 0 });
    expect(result).toMatchObject({ lost: 0, received: result.expected });
    expect(result.held).toBeGreaterThan(0);
    expect(result.p99Us).toBeGreaterThan(0);
    expect(result.p99WithoutUs).toBeGreaterThan(0);
  });

  it("finds the first of the waiting messages for each consumer that comes", async () => {
    await run("queue-fill");
    for (const consumer of ["one", "another"]) {
      expect(await firstDelivery(broker.port, "$queue/bench"), consumer).toBeGreaterThan(0);
    }
    expect(await run("queue-drain")).toMatchObject({ received: 200, lost: 0 });
  });

  it.each([
    ["queue-stall", { qos: 0 }, "--qos 1"],
    ["queue-stall", {}, "--rate"],
    ["queue-fill", { qos: 0 }, "--qos 1"],
    ["queue-drain", { messages: 0 }, "--messages"],
    ["queue", { keys: 100_001 }, "--keys"],
    ["share", { keys: 2 }, "--keys needs a queue"],
  ])("refuses %s with %j", async (mode, options, reason) => {
    await expect(run(mode, options)).rejects.toMatchObject({
      code: "ERR_UPSTREAM",
      message: expect.stringContaining(reason),
    });
  });
});
