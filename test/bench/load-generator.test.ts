import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerKinds } from "../../bench/brokers.ts";
import { ChildProcesses } from "../../bench/child-processes.ts";
import { LoadGenerator } from "../../bench/load-generator.ts";
import { type RunningBroker, startBroker } from "../../bench/start-broker.ts";

// Against its own relay: no broker needs to be installed, but a C compiler does.
describe.skipIf(!compilerInstalled())("the load generator", () => {
  const children = new ChildProcesses();
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
  let generator: LoadGenerator;
  let relay: RunningBroker;

  beforeAll(async () => {
    generator = new LoadGenerator(children, folder);
    relay = await startBroker(brokerKinds(generator.program).find(({ ceiling }) => ceiling)!, children, folder);
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
  ])("accounts for every message of $mode at QoS $qos", async (load) => {
    const result = await generator.run({ ...briefly, ...load, port: relay.port });
    expect(result.received).toBeGreaterThan(0);
    expect(result).toMatchObject({ lost: 0, outOfOrder: 0, received: result.expected });
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

  it("says what it could not connect to", async () => {
    const run = generator.run({ mode: "pair", port: 1 });
    await expect(run).rejects.toMatchObject({ code: "ERR_UPSTREAM", message: expect.stringContaining("port 1") });
  });

  it("refuses options that it does not know", async () => {
    const run = generator.run({ mode: "pair", speed: 9 });
    await expect(run).rejects.toMatchObject({ message: expect.stringContaining("--speed") });
  });
});

function compilerInstalled(): boolean {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
