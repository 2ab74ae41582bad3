import { describe, expect, it, onTestFinished } from "vitest";
import { SysTopics } from "../../src/admin/sys-topics.ts";
import { assembleBroker } from "../../src/create-broker.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { bridgeReport, FakeBridges } from "./fake-bridges.ts";

/** What the gateway publishes of its bridges, from this moment on. */
async function started(bridges: FakeBridges) {
  const clock = new ManualClock();
  const { broker, registry, context, delivery } = assembleBroker({}, { clock });
  await broker.listen();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(() => resolve())));
  const published: string[][] = [];
  const listener = ({ topic, payload }: { topic: string; payload: Buffer }, done: () => void) => {
    published.push([topic.slice("$SYS/broker/connection/".length), payload.toString()]);
    done();
  };
  await new Promise<void>((resolve) => broker.subscribe("$SYS/broker/connection/#", listener as never, resolve));
  const topics = new SysTopics({ broker, registry, counters: context.counters, delivery, bridges }, clock);
  /** What was published since it was asked last. */
  const told = async () => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    return Object.fromEntries(published.splice(0));
  };
  return { topics, told, clock };
}

describe("bridges on $SYS", () => {
  it("have their state, backlog, traffic, drops and last error, as the clock moves", async () => {
    const report = bridgeReport({
      messages: 5,
      bytes: 600,
      oldestSeconds: 70,
      inFlight: 3,
      totals: { forwarded: 10, received: 4, bytesSent: 900, resent: 1, connections: 2 },
      drops: { loop: 2, sampled: 9 },
      lastError: { at: "2023-11-14T22:00:00.000Z", message: "the upstream is away" },
    });
    const { topics, told, clock } = await started(new FakeBridges(report));
    await topics.start();
    const expected = {
      "cloud/state": "1",
      "cloud/since": "2023-11-14T22:13:20.000Z",
      "cloud/url": "mqtts://upstream.example:8883",
      "cloud/last-error": "the upstream is away",
      "cloud/messages/forwarded": "10",
      "cloud/messages/received": "4",
      "cloud/backlog/messages": "5",
      "cloud/backlog/bytes": "600",
      "cloud/backlog/oldest": "70",
      "cloud/in-flight": "3",
      "cloud/drops/loop": "2",
      "cloud/drops/sampled": "9",
    };
    expect(await told()).toEqual(expected);
    clock.advance(10_000);
    expect(await told()).toEqual(expected);
  });

  it.each(["connecting", "stalled", "waiting", "disabled", "left-over", "stopped"] as const)(
    "that are %s have the state 0",
    async (state) => {
      const { topics, told } = await started(new FakeBridges(bridgeReport({ state, url: null })));
      await topics.start();
      const figures = await told();
      expect(figures).toMatchObject({ "cloud/state": "0", "cloud/backlog/oldest": "0" });
      expect(figures).not.toHaveProperty("cloud/url");
      expect(figures).not.toHaveProperty("cloud/last-error");
    },
  );

  it("tell a change at once, and only what has changed", async () => {
    const bridges = new FakeBridges(bridgeReport(), bridgeReport({ name: "backup" }));
    const { topics, told } = await started(bridges);
    topics.refresh();
    expect(await told()).toEqual({});
    await topics.start();
    await told();
    topics.refresh();
    expect(await told()).toEqual({});
    const lastError = { at: "2023-11-14T22:14:00.000Z", message: "gone" };
    bridges.all[0] = bridgeReport({ state: "waiting", messages: 1, lastError });
    topics.refresh();
    expect(await told()).toEqual({ "cloud/state": "0", "cloud/last-error": "gone", "cloud/backlog/messages": "1" });
    await topics.stop();
    bridges.all[0] = bridgeReport();
    topics.refresh();
    expect(await told()).toEqual({});
  });

  it("that are gone are cleared, at once or as the clock moves", async () => {
    const bridges = new FakeBridges(bridgeReport(), bridgeReport({ name: "a" }), bridgeReport({ name: "b" }));
    const { topics, told, clock } = await started(bridges);
    await topics.start();
    await told();
    bridges.all.splice(1, 1);
    topics.refresh();
    const cleared = await told();
    expect(cleared).toMatchObject({ "a/state": "", "a/url": "", "a/backlog/messages": "" });
    expect(Object.keys(cleared).every((name) => name.startsWith("a/"))).toBe(true);
    bridges.all.splice(1, 1);
    clock.advance(10_000);
    const later = await told();
    expect(later).toMatchObject({ "b/state": "", "cloud/state": "1" });
    expect(later).not.toHaveProperty("a/state");
  });
});
