import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ChildProcesses } from "../../bench/child-processes.ts";
import { LoadGenerator } from "../../bench/load-generator.ts";
import { BridgedBrokers } from "./bridged-brokers.ts";
import { compilerInstalled } from "./compiler-installed.ts";

describe.skipIf(!compilerInstalled())("the load generator with a bridge", () => {
  const children = new ChildProcesses();
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
  let generator: LoadGenerator;
  let brokers: BridgedBrokers;

  beforeAll(() => {
    generator = new LoadGenerator(children, folder);
  });
  afterAll(() => {
    children.killAll();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => brokers.stop());

  const messages = 300;
  const backlog = { qos: 1, publishers: 3, messages, "subscriber-qos": 0 };

  async function drain() {
    const { edgePort, upstreamPort } = brokers;
    await generator.run({ ...backlog, mode: "queue-fill", port: edgePort, "warmup-ms": 0 });
    const options = { ...backlog, mode: "bridge-drain", port: edgePort, "subscriber-port": upstreamPort, rate: 1000 };
    return await generator.run(options, () => brokers.connect());
  }

  it("finds what waited for the upstream, and live messages beside it", async () => {
    brokers = await BridgedBrokers.start();
    const result = await drain();
    expect(result).toMatchObject({ lost: 0, doubled: 0, outOfOrder: 0, liveLost: 0, liveDoubled: 0 });
    expect(result.drainedPerSecond).toBeGreaterThan(0);
  });

  it("counts what comes twice, and what does not come", async () => {
    brokers = await BridgedBrokers.start({ loses: [7, messages], doubles: [9, 9, 11] });
    expect(await drain()).toMatchObject({ lost: 2, doubled: 2, outOfOrder: 0, liveLost: 0 });
  });

  it("publishes to the edge what its subscriber gets from the upstream", async () => {
    brokers = await BridgedBrokers.start();
    brokers.connect();
    const { edgePort, upstreamPort } = brokers;
    const load = { ...backlog, mode: "fanin", port: edgePort, "subscriber-port": upstreamPort, "warmup-ms": 0 };
    expect(await generator.run(load)).toMatchObject({ expected: messages, received: messages, lost: 0 });
  });

  it.each([{ messages: 0 }, { rate: 0 }, { "subscriber-port": 0 }])("refuses to drain with %j", async (missing) => {
    brokers = await BridgedBrokers.start();
    const { edgePort, upstreamPort } = brokers;
    const options = { ...backlog, mode: "bridge-drain", port: edgePort, "subscriber-port": upstreamPort, rate: 20 };
    await expect(generator.run({ ...options, ...missing })).rejects.toMatchObject({
      code: "ERR_UPSTREAM",
      message: expect.stringContaining("bridge-drain needs"),
    });
  });
});
