import { describe, expect, it } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { politelyBut, ScriptedUpstream } from "../support/scripted-upstream.ts";
import { startGateway, testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { bridged, cloud, drained, keptPort, reportOf, until } from "./bridge-house.ts";
import { UpstreamStub } from "./bridge-upstream-stub.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const place = { kind: "bridge", name: "cloud" } as const;

async function publish({ port }: Restarts, topic: string, ...payloads: string[]): Promise<void> {
  const device = await Device5.connect(port, "publisher");
  for (const payload of payloads) await device.publishWhole(topic, payload, { qos: 1 });
  await device.disconnect();
}

function reload({ gateway, directory }: Restarts, bridges: object) {
  return gateway.reconfigure(testConfig({ store: { engine: "nedb", directory }, ...bridges }));
}

/** The next gateway on its directory, or, as if it had been killed, on a copy of that; it is stopped in any case. */
async function nextOf(
  running: Restarts,
  how: "stopped" | "killed",
  changes: Parameters<Restarts["stopped"]>[0] = {},
): Promise<Restarts> {
  const next = await running[how](changes);
  await running.gateway.stop();
  return next;
}

/** Gateways on a directory of their own, whose clock stands still, and the port of an upstream that is away. */
async function house(topics: readonly object[] | null) {
  const clock = new ManualClock();
  const upstream = new UpstreamStub();
  const port = await keptPort();
  const running = await restarts(root, topics === null ? {} : cloud(port, topics), clock);
  /** What has come when nothing waits any more. */
  const arrived = async (at: Restarts) => {
    await upstream.start(port);
    await bridged(at, clock);
    await drained(at);
    return upstream.came.map(({ topic, payload }) => `${topic} ${payload}`);
  };
  return { clock, upstream, port, running, arrived };
}

describe("a bridge that is paused", () => {
  it.each(["stopped", "killed"] as const)("is so after its gateway was %s, and keeps what waits", async (how) => {
    const { running, arrived } = await house([{ filter: "#" }]);
    await publish(running, "a", "1", "2");
    await running.gateway.administration.pause(place);
    const next = await nextOf(running, how);
    expect(reportOf(next)).toMatchObject({ paused: true, messages: 2 });
    await publish(next, "a", "3");
    await next.gateway.administration.resume(place);
    const last = await nextOf(next, how);
    expect(reportOf(last)).toMatchObject({ paused: false, messages: 3 });
    expect(await arrived(last)).toEqual(["a 1", "a 2", "a 3"]);
  });
});

describe("a reload", () => {
  it("begins with a bridge that is added, and takes it along what is retained", async () => {
    const { running, port, arrived } = await house(null);
    const device = await Device5.connect(running.port, "device");
    await device.publishWhole("a/kept", "retained", { qos: 1, retain: true });
    await publish(running, "a", "before");
    await reload(running, cloud(port, [{ filter: "a/#" }]));
    await publish(running, "a", "after");
    expect(await arrived(running)).toEqual(["a/kept retained", "a after"]);
  });

  it.each(["stopped", "killed"] as const)(
    "without a bridge leaves it over with what it holds, also when the gateway is %s then, until it is configured again",
    async (how) => {
      const { running, port, arrived } = await house([{ filter: "a/#" }]);
      await publish(running, "a/1", "1", "2");
      await reload(running, {});
      await publish(running, "a/1", "is taken by nobody");
      expect(reportOf(running)).toMatchObject({ state: "left-over", messages: 2, url: null });
      expect(running.log.complaints.some(({ text }) => text.includes("holds 2 message(s)"))).toBe(true);
      const without = await nextOf(running, how, { bridges: {} });
      expect(reportOf(without)).toMatchObject({ state: "left-over", messages: 2 });
      await expect(without.gateway.administration.removeBridge("cloud", false)).rejects.toMatchObject({
        code: "ERR_CONFLICT",
      });
      await expect(without.gateway.administration.drainBridge("cloud")).rejects.toMatchObject({ code: "ERR_CONFLICT" });
      await reload(without, cloud(port, [{ filter: "a/#" }]));
      await publish(without, "a/1", "3");
      expect(await arrived(without)).toEqual(["a/1 1", "a/1 2", "a/1 3"]);
      await expect(without.gateway.administration.removeBridge("cloud", true)).rejects.toMatchObject({
        code: "ERR_CONFLICT",
      });
    },
  );

  it("without an empty bridge forgets it at once; one that is left over can be emptied, or removed by force", async () => {
    const { clock, running, port } = await house([{ filter: "a/#" }]);
    const { administration } = running.gateway;
    await reload(running, {});
    expect(administration.bridges()).toEqual([]);
    for (const how of ["purge", "move", "remove"] as const) {
      await reload(running, cloud(port, [{ filter: "a/#" }]));
      await publish(running, "a/1", "1");
      await reload(running, {});
      if (how === "purge") await administration.purge(place);
      if (how === "move") {
        await administration.createQueue("jobs", { topics: [] });
        expect(await administration.move(place, { kind: "queue", name: "jobs" })).toEqual({ messages: 1, left: 0 });
      }
      if (how === "remove") expect(await administration.removeBridge("cloud", true)).toEqual({ messages: 1 });
      clock.advance(2000);
      await reload(running, {});
      expect(administration.bridges()).toEqual([]);
    }
    const next = await nextOf(running, "killed", { bridges: {} });
    expect(next.gateway.administration.bridges()).toEqual([]);
    expect(next.gateway.administration.queue("jobs").messages).toBe(1);
  });

  it("with another prefix sends what waits under that", async () => {
    const { running, port, arrived } = await house([{ filter: "a/#", remotePrefix: "old/" }]);
    await publish(running, "a/1", "1");
    await reload(running, cloud(port, [{ filter: "a/#", remotePrefix: "new/" }]));
    await publish(running, "a/1", "2");
    expect(await arrived(running)).toEqual(["new/a/1 1", "new/a/1 2"]);
  });

  it.each(["at once", "after the gateway was stopped", "after it was killed"])(
    "without a rule keeps what waited under it, and sends that when a rule takes it again: %s",
    async (when) => {
      const both = [{ filter: "a/#" }, { filter: "b/#" }];
      const { clock, upstream, running, port } = await house(both);
      await publish(running, "a/1", "1");
      await publish(running, "b/1", "2");
      await reload(running, cloud(port, [{ filter: "b/#" }]));
      await publish(running, "a/1", "is taken by nobody");
      expect(reportOf(running)).toMatchObject({ messages: 2, stranded: 1 });
      let next = running;
      const changes = cloud(port, [{ filter: "b/#" }]);
      if (when === "after the gateway was stopped") next = await nextOf(running, "stopped", changes);
      if (when === "after it was killed") next = await nextOf(running, "killed", changes);
      expect(reportOf(next)).toMatchObject({ messages: 2, stranded: 1 });
      await upstream.start(port);
      await bridged(next, clock);
      await until(() => reportOf(next).messages + reportOf(next).inFlight === 1);
      expect(reportOf(next).stranded).toBe(1);
      expect(upstream.payloads).toEqual(["2"]);
      await reload(next, cloud(port, both));
      await bridged(next, clock);
      await publish(next, "a/1", "3");
      await drained(next);
      expect(upstream.payloads).toEqual(["2", "1", "3"]);
      expect(reportOf(next).stranded).toBe(0);
    },
  );

  it("of the connection alone loses nothing that is in flight", async () => {
    const { clock, upstream, running, port } = await house([{ filter: "a/#" }]);
    upstream.isPrompt = false;
    await upstream.start(port);
    await bridged(running, clock);
    let isPublished = false;
    const published = publish(running, "a/1", "1", "2").then(() => {
      isPublished = true;
    });
    await until(() => {
      clock.advance(100); // what is sent and not acknowledged is written after a moment only
      return isPublished;
    });
    await published;
    await upstream.has(2);
    upstream.isPrompt = true;
    upstream.sessionPresent = true;
    await reload(running, cloud(port, [{ filter: "a/#" }], { keepAliveSeconds: 7 }));
    await bridged(running, clock);
    await publish(running, "a/1", "3");
    await drained(running);
    expect(upstream.came.map(({ payload, dup }) => `${payload} ${dup}`)).toEqual([
      "1 false",
      "2 false",
      "1 true",
      "2 true",
      "3 false",
    ]);
    expect(upstream.connects.map(({ keepalive }) => keepalive)).toEqual([30, 7]);
  });

  it.each([
    ["acknowledged, and not yet on the disk", 10, true],
    ["in flight", 40, false],
  ])("with less room in flight goes on at once, also where there was more %s", async (_, count, isPrompt) => {
    const { clock, upstream, running, port } = await house(null);
    const topics = [{ filter: "a/#" }];
    upstream.isPrompt = isPrompt;
    upstream.sessionPresent = true;
    await upstream.start(port);
    await reload(running, cloud(port, topics, { inFlightMax: 40 }));
    await bridged(running, clock);
    const payloads = Array.from({ length: count + 10 }, (_each, index) => `${index}`);
    /** What is sent and not acknowledged is written after a moment only. */
    const moved = async (published: Promise<void>) => {
      let isOver = false;
      void published.finally(() => {
        isOver = true;
      });
      await until(() => {
        clock.advance(10);
        return isOver;
      });
    };
    await moved(publish(running, "a/1", ...payloads.slice(0, count)));
    await upstream.has(count);
    if (isPrompt) await drained(running);
    await reload(running, cloud(port, topics, { inFlightMax: 4 }));
    await bridged(running, clock);
    if (!isPrompt) await upstream.has(2 * count);
    upstream.isPrompt = true;
    upstream.acknowledge();
    await moved(publish(running, "a/1", ...payloads.slice(count)));
    await drained(running);
    expect(upstream.came.filter(({ dup }) => !dup).map(({ payload }) => payload)).toEqual(payloads);
    expect(running.log.complaints).toEqual([]);
  });

  it("unsubscribes from what is asked for no more", async () => {
    const rules = ["a/#", "b/#"].map((filter) => ({ filter, direction: "down" }));
    const upstream = await ScriptedUpstream.start(politelyBut({ connect: (_, peer) => peer.accept({}, true) }));
    const running = await startGateway(cloud(upstream.port, rules));
    await bridged(running);
    await running.gateway.reconfigure(testConfig(cloud(upstream.port, rules.slice(0, 1))));
    const peer = await upstream.peer(1);
    expect((await peer.packet("unsubscribe")).unsubscriptions).toEqual(["b/#"]);
    expect((await peer.packet("subscribe")).subscriptions.map(({ topic }) => topic)).toEqual(["a/#"]);
  });

  it.each(["", ", and a restart,"])("without a bridge%s forgets one of which but a PUBREL is owed", async (restart) => {
    const { clock, running } = await house(null);
    const upstream = await ScriptedUpstream.start(politelyBut({ pubrel: () => {} }));
    await reload(running, cloud(upstream.port, [{ filter: "a/#" }]));
    await bridged(running, clock);
    const device = await Device5.connect(running.port, "publisher");
    await device.publishWhole("a/1", "1", { qos: 2 });
    await (await upstream.peer()).packet("pubrel");
    let next = running;
    if (restart === "") await reload(running, {});
    else next = await nextOf(running, "stopped", { bridges: {} });
    expect(next.gateway.administration.bridges()).toEqual([]);
  });

  it("leaves no bridge that connects where the gateway stops meanwhile", async () => {
    const upstream = await new UpstreamStub().start();
    const { gateway } = await startGateway({}, new ManualClock());
    const { bridges } = cloud(upstream.port, [{ filter: "a/#" }]);
    const many = Array.from({ length: 20 }, (_, index) => [`cloud-${index}`, bridges.cloud]);
    const reloaded = gateway.reconfigure(testConfig({ bridges: Object.fromEntries(many) })).catch(() => {});
    await Promise.resolve();
    await gateway.stop();
    await reloaded;
    expect(new Set(gateway.administration.bridges().map(({ state }) => state))).toEqual(new Set(["stopped"]));
  });
});
