import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BrokerKind, brokerKinds } from "../../bench/brokers.ts";
import { ChildProcesses } from "../../bench/child-processes.ts";
import { LoadGenerator } from "../../bench/load-generator.ts";
import { type RunningBroker, startBroker, stopBroker } from "../../bench/start-broker.ts";
import { compilerInstalled } from "./compiler-installed.ts";

// Against its own relay: no broker needs to be installed, but a C compiler does.
describe.skipIf(!compilerInstalled())("the load generator", () => {
  const children = new ChildProcesses();
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
  let generator: LoadGenerator;
  let kinds: readonly BrokerKind[];
  let relay: RunningBroker;

  beforeAll(async () => {
    generator = new LoadGenerator(children, folder);
    kinds = brokerKinds(generator.program, { engine: undefined, durability: "synced" });
    relay = await startBroker(kinds.find(({ ceiling }) => ceiling)!, children, folder);
  });
  afterAll(() => {
    children.killAll();
    rmSync(folder, { recursive: true });
  });

  const briefly = { "warmup-ms": 20, "measure-ms": 100 };

  it.each([
    { mode: "pair", publishers: 3, subscribers: 3, qos: 0 },
    { mode: "pair", publishers: 3, subscribers: 3, qos: 1 },
    { mode: "broadcast", publishers: 1, subscribers: 5, qos: 1 },
    { mode: "fanin", publishers: 5, subscribers: 1, qos: 0 },
    { mode: "share", publishers: 3, subscribers: 3, qos: 1 },
    { mode: "queue", publishers: 3, subscribers: 3, qos: 1 },
  ])("accounts for every message of $mode at QoS $qos, in every version", async (load) => {
    for (const protocol of ["3.1.1", "5", "mixed"]) {
      const result = await generator.run({ ...briefly, ...load, protocol, port: relay.port });
      expect(result.received).toBeGreaterThan(0);
      expect(result).toMatchObject({ lost: 0, outOfOrder: 0, received: result.expected });
    }
  });

  it("sends at the rate that it is given, not faster", async () => {
    const result = await generator.run({ ...briefly, mode: "pair", rate: 1000, port: relay.port });
    expect(result.expected).toBeLessThanOrEqual(120);
  });

  it("lets each of a crowd hear itself", async () => {
    const result = await generator.run({ mode: "crowd", subscribers: 200, qos: 1, port: relay.port });
    expect(result).toMatchObject({ connections: 200, lost: 0 });
  });

  it("holds idle connections until it is stopped", async () => {
    const idle = await generator.holdConnections(relay.port, 50);
    expect(idle.exited()).toBe(false);
    await idle.stop();
    expect(idle.exited()).toBe(true);
  });

  it("fetches for the absent what was acknowledged to their publishers, and only once", async () => {
    const aedes = await startBroker(kinds.find(({ name }) => name === "aedes")!, children, folder);
    const devices = { port: aedes.port, qos: 1, subscribers: 3, id: 7 };
    const away = await generator.run({ ...devices, mode: "away", publishers: 3, messages: 50, "warmup-ms": 0 });
    expect(away.acknowledged).toBe(50);
    const back = await generator.run({ ...devices, mode: "return", messages: 50 });
    expect(back).toMatchObject({ sessionsPresent: 3, received: 50, lost: 0, outOfOrder: 0 });
    await stopBroker(aedes);
  });

  it("counts as lost what waited in a session that is gone", async () => {
    const devices = { port: relay.port, qos: 1, id: 7 };
    await generator.run({ ...devices, ...briefly, mode: "away" });
    const back = await generator.run({ ...devices, mode: "return", messages: 50 });
    expect(back).toMatchObject({ deliveriesPerSecond: 0, sessionsPresent: 0, lost: 50 });
  });

  it("probes phase by phase", async () => {
    const probe = await generator.startProbe({ port: relay.port, rate: 2000 });
    await generator.run({ ...briefly, mode: "pair", port: relay.port });
    const first = await probe.endPhase();
    await generator.run({ ...briefly, mode: "pair", port: relay.port });
    const second = await probe.endPhase();
    await probe.stop();
    expect(first.maxUs).toBeGreaterThan(0);
    expect(second.sent).toBeGreaterThan(first.sent!);
    await expect(probe.endPhase()).rejects.toMatchObject({ code: "ERR_UPSTREAM" });
  });

  it("says what it could not connect to", async () => {
    const run = generator.run({ mode: "pair", port: 1 });
    await expect(run).rejects.toMatchObject({ code: "ERR_UPSTREAM", message: expect.stringContaining("port 1") });
  });

  it("refuses options that it does not know", async () => {
    const run = generator.run({ mode: "pair", speed: 9 });
    await expect(run).rejects.toMatchObject({ message: expect.stringContaining("--speed") });
  });
});
