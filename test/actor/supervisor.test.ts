import { describe, expect, it } from "vitest";
import { RestartIntensity } from "../../src/actor/restart-intensity.ts";
import type { Child } from "../../src/actor/supervisor.ts";
import { Supervisor } from "../../src/actor/supervisor.ts";
import { LogRecorder } from "../support/log-recorder.ts";
import { ManualClock } from "../support/manual-clock.ts";

const policy = { restartsMax: 2, withinMs: 10_000, backOffMinMs: 100, backOffMaxMs: 150 };

function setUp() {
  const clock = new ManualClock();
  const log = new LogRecorder();
  const events: string[] = [];
  const gaveUp: string[] = [];
  const supervisor = new Supervisor({ clock, log, policy, gaveUp: (child) => gaveUp.push(child.address) });
  const child = (address: string, start = async () => {}): Child => ({
    address,
    async start() {
      events.push(`start ${address}`);
      await start();
    },
    async stop() {
      events.push(`stop ${address}`);
    },
  });
  return { clock, log, events, gaveUp, supervisor, child };
}

/** Lets promises that are ready run. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("Supervisor", () => {
  it("starts children in order and stops them in reverse", async () => {
    const { supervisor, child, events } = setUp();
    for (const address of ["store", "broker", "listener"]) await supervisor.start(child(address));
    await supervisor.stop();
    expect(events).toEqual([
      "start store",
      "start broker",
      "start listener",
      "stop listener",
      "stop broker",
      "stop store",
    ]);
  });

  it("passes on that a child cannot start, and does not count it among its children", async () => {
    const { supervisor, child, events } = setUp();
    await supervisor.start(child("store"));
    await expect(supervisor.start(child("listener", () => Promise.reject(new Error("in use"))))).rejects.toThrow(
      "in use",
    );
    await supervisor.stop();
    expect(events).toEqual(["start store", "start listener", "stop store"]);
  });

  it("refuses two children with one address", async () => {
    const { supervisor, child } = setUp();
    await supervisor.start(child("a"));
    await expect(supervisor.start(child("a"))).rejects.toMatchObject({ code: "ERR_INVARIANT" });
  });

  it("restarts only the child that failed, after its back-off", async () => {
    const { supervisor, child, events, clock } = setUp();
    await supervisor.start(child("a"));
    await supervisor.start(child("b"));
    events.length = 0;
    supervisor.failed("a", new Error("broken"));
    supervisor.failed("a", new Error("broken again, while it waits"));
    clock.advance(99);
    await settle();
    expect(events).toEqual([]);
    clock.advance(1);
    await settle();
    expect(events).toEqual(["stop a", "start a"]);
    expect(supervisor.report()).toEqual([
      { address: "a", running: true, restarts: 1 },
      { address: "b", running: true, restarts: 0 },
    ]);
  });

  it("gives up on a child that fails too often, and says so", async () => {
    const { supervisor, child, clock, gaveUp, log } = setUp();
    await supervisor.start(child("a"));
    for (let i = 0; i < 3; i++) {
      supervisor.failed("a", new Error("broken"));
      clock.advance(150);
      await settle();
    }
    expect(gaveUp).toEqual(["a"]);
    expect(log.lines.at(-1)).toMatchObject({ level: "error", fields: { actor: "a" } });
  });

  it("stops a child again that was removed while it was being restarted", async () => {
    const { supervisor, child, clock, events } = setUp();
    let open: () => void = () => {};
    let starts = 0;
    const slow = async () => {
      if (++starts > 1)
        await new Promise<void>((resolve) => {
          open = resolve;
        });
    };
    await supervisor.start(child("a", slow));
    supervisor.failed("a", new Error("broken"));
    clock.advance(100);
    await settle();
    await supervisor.remove("a");
    open();
    await settle();
    expect(events).toEqual(["start a", "stop a", "start a", "stop a", "stop a"]);
  });

  it("counts a restart that fails as a failure", async () => {
    const { supervisor, child, clock, gaveUp } = setUp();
    let starts = 0;
    await supervisor.start(
      child("a", async () => {
        if (++starts > 1) throw new Error("still broken");
      }),
    );
    supervisor.failed("a", new Error("broken"));
    for (let i = 0; i < 3; i++) {
      clock.advance(150);
      await settle();
    }
    expect(starts).toBe(3);
    expect(gaveUp).toEqual(["a"]);
  });

  it("does not restart a child that was removed while it waited", async () => {
    const { supervisor, child, clock, events } = setUp();
    await supervisor.start(child("a"));
    supervisor.failed("a", new Error("broken"));
    await supervisor.remove("a");
    await supervisor.remove("unknown");
    clock.advance(1000);
    await settle();
    expect(events).toEqual(["start a", "stop a"]);
  });

  it("stops the others when one cannot stop", async () => {
    const { supervisor, child, events, log } = setUp();
    await supervisor.start(child("a"));
    await supervisor.start({ ...child("b"), stop: () => Promise.reject(new Error("stuck")) });
    await supervisor.stop();
    expect(events).toContain("stop a");
    expect(log.complaints).toHaveLength(1);
  });
});

describe("RestartIntensity", () => {
  it("backs off further each time, up to the ceiling, and gives up beyond the intensity", () => {
    const clock = new ManualClock();
    const intensity = new RestartIntensity(policy, clock);
    expect(intensity.decide()).toEqual({ kind: "restart", delayMs: 100 });
    expect(intensity.decide()).toEqual({ kind: "restart", delayMs: 150 });
    expect(intensity.exhausted).toBe(false);
    expect(intensity.decide()).toEqual({ kind: "give-up" });
    expect(intensity.exhausted).toBe(true);
  });

  it("forgets failures that lie further back than its time", () => {
    const clock = new ManualClock();
    const intensity = new RestartIntensity(policy, clock);
    for (let i = 0; i < 3; i++) intensity.decide();
    clock.advance(10_000);
    expect(intensity.calm).toBe(true);
    expect(intensity.decide()).toEqual({ kind: "restart", delayMs: 100 });
  });
});
