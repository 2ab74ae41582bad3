import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { type Cancel, type Clock, systemClock } from "../../src/actor/clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { patience, politely, politelyBut, ScriptedUpstream, type UpstreamPeer } from "../support/scripted-upstream.ts";
import { startGateway } from "../support/start-gateway.ts";
import { BridgeBadHouse } from "./bridge-bad-house.ts";

/** The real time, and how many timers wait for it. */
class CountedClock implements Clock {
  readonly waiting = new Set<Cancel>();

  now(): number {
    return systemClock.now();
  }

  after(delayMs: number, task: () => void): Cancel {
    const cancel = systemClock.after(delayMs, () => {
      this.waiting.delete(cancel);
      task();
    });
    return this.#counted(cancel);
  }

  every(intervalMs: number, task: () => void): Cancel {
    return this.#counted(systemClock.every(intervalMs, task));
  }

  #counted(cancel: Cancel): Cancel {
    this.waiting.add(cancel);
    return () => {
      this.waiting.delete(cancel);
      cancel();
    };
  }
}

/** What keeps this process from ending: open sockets and timers that it waits for. */
const holding = () =>
  process.getActiveResourcesInfo().filter((kind) => /^(TCP|TLS|Timeout|GetAddrInfo)/.test(kind)).length;

describe("a gateway that stops", () => {
  const bridge = (url: string, more: object = {}) => ({ bad: { url, topics: [{ filter: "up/#" }], ...more } });
  type Running = Awaited<ReturnType<typeof startGateway>>;

  async function stopped(url: string, when: (running: Running) => Promise<void>, more: object = {}) {
    const clock = new CountedClock();
    const running = await startGateway({ bridges: bridge(url, more) }, clock);
    await when(running);
    await running.gateway.stop();
    await vi.waitUntil(() => clock.waiting.size === 0, patience);
    return running;
  }

  it("leaves nothing behind while a bridge connects", async () => {
    const upstream = await ScriptedUpstream.start(() => {});
    await stopped(upstream.url, async () => void (await upstream.peer()));
    await (await upstream.peer()).closed();
    expect(upstream.peers).toHaveLength(1);
  });

  it.each(["ws", "wss", "mqtts"])(
    "leaves nothing behind while a bridge connects by %s and nobody answers",
    async (scheme) => {
      const upstream = await ScriptedUpstream.start(() => {});
      const running = await stopped(`${scheme}://127.0.0.1:${upstream.port}`, async () => void (await upstream.peer()));
      await (await upstream.peer()).closed();
      expect(running.log.complaints).toEqual([]);
    },
  );

  it("leaves nothing behind while a bridge waits for its next attempt", async () => {
    const upstream = await ScriptedUpstream.start(politelyBut({ connect: (_, peer) => peer.cut() }));
    const running = await stopped(upstream.url, async ({ gateway }) => {
      await vi.waitUntil(() => gateway.administration.bridge("bad").retryAt !== null, patience);
    });
    expect(running.gateway.administration.bridge("bad")).toMatchObject({ state: "stopped", retryAt: null });
    expect(upstream.peers).toHaveLength(1);
  });

  it("leaves nothing behind while a bridge drains, also where the upstream reads nothing", async () => {
    const upstream = await ScriptedUpstream.start(politelyBut({ publish: () => {} }));
    const kept = 200;
    await stopped(
      upstream.url,
      async ({ port, gateway }) => {
        const publisher = await RawClient.connected(port, { clientId: "publisher" });
        const peer = await upstream.peer();
        await peer.packet("connect");
        await vi.waitUntil(() => gateway.administration.bridge("bad").state === "connected", patience);
        peer.socket.pause();
        for (let i = 1; i <= kept; i++) publisher.publish("up/x", Buffer.alloc(50_000), { qos: 1, messageId: i });
        for (let i = 1; i <= kept; i++) await publisher.next("puback");
        expect(gateway.administration.bridge("bad").inFlight).toBeGreaterThan(0);
      },
      { bytesPerSecondMax: 0 },
    );
  });

  it("says goodbye to the upstream", async () => {
    const upstream = await ScriptedUpstream.start();
    await stopped(upstream.url, async ({ gateway }) => {
      await vi.waitUntil(() => gateway.administration.bridge("bad").state === "connected", patience);
    });
    const peer = await upstream.peer();
    expect((await peer.packet("disconnect")).reasonCode ?? 0).toBe(0);
    await peer.closed();
  });

  it("does not hold the process after many attempts", async () => {
    const before = holding();
    const house = await BridgeBadHouse.build(politelyBut({ connect: (_, peer) => peer.cut() }));
    for (let attempt = 1; attempt <= 10; attempt++) {
      await house.failed(attempt);
      await house.retry();
    }
    await house.failed(11);
    for (const peer of [...house.bad.peers, ...house.good.peers]) peer.cut();
    house.publisher.socket.destroy();
    await house.running.gateway.stop();
    await vi.waitUntil(() => holding() <= before + 2, patience); // both upstreams listen still
  });

  it("acknowledges nothing that it has not kept, where devices publish while it stops", async () => {
    const directory = mkdtempSync(join(tmpdir(), "waypost-test-"));
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
    const upstream = await ScriptedUpstream.start(politelyBut({ connect: (_, peer) => peer.cut() }));
    const config = { bridges: bridge(upstream.url), store: { engine: "nedb", directory } };
    const first = await startGateway(config);
    const publisher = await RawClient.connected(first.port, { clientId: "publisher" });
    const publish = (from: number) => {
      for (let i = from; i < from + 100; i++) publisher.publish("up/x", `${i}`, { qos: 1, messageId: i });
    };
    publish(1);
    await publisher.next("puback");
    publish(101);
    const stop = first.gateway.stop();
    publish(201);
    await stop;
    await publisher.closed;
    const acknowledged = 1 + publisher.packets.filter(({ cmd }) => cmd === "puback").length;
    upstream.script = politely;
    const second = await startGateway(config);
    await vi.waitUntil(() => {
      const { state, messages, inFlight } = second.gateway.administration.bridge("bad");
      return state === "connected" && messages + inFlight === 0;
    }, patience);
    const numbers = new Set(upstream.payloads.map(Number));
    expect(Array.from({ length: acknowledged }, (_, i) => i + 1).filter((each) => !numbers.has(each))).toEqual([]);
    expect(upstream.payloads).toEqual([...numbers].sort((one, other) => one - other).map(String));
  });
});

describe("a bridge that may hold only so much", () => {
  const flow = { filter: "up/#", messagesMax: 5, whenFull: "flow-control" };

  it("has publishers wait by flow control while its upstream is away, and takes what they have when it is back", async () => {
    const house = await BridgeBadHouse.build(politelyBut({ connect: (_, peer) => peer.cut() }), { topics: [flow] });
    await house.failed(1);
    const other = await RawClient.connected(house.running.port, { clientId: "other" });
    for (let i = 1; i <= 20; i++) house.publisher.publish("up/x", `${i}`, { qos: 1, messageId: i });
    for (let i = 1; i <= 5; i++) await house.publisher.next("puback");
    other.publish("beside/it", "passes", { qos: 1, messageId: 1 });
    await other.next("puback");
    expect(house.report.messages).toBe(5);
    expect(house.publisher.packets).toEqual([]);
    house.bad.script = politely;
    await house.reconnected();
    for (let i = 6; i <= 20; i++) await house.publisher.next("puback");
    await house.drained();
    expect(house.bad.payloads).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
    expect(house.report.drops).toEqual({});
  });

  it("lets go of a publisher that waits and leaves, and stops with those that wait", async () => {
    const house = await BridgeBadHouse.build(politelyBut({ connect: (_, peer) => peer.cut() }), { topics: [flow] });
    await house.failed(1);
    for (let i = 1; i <= 10; i++) house.publisher.publish("up/x", `${i}`, { qos: 1, messageId: i });
    for (let i = 1; i <= 5; i++) await house.publisher.next("puback");
    const other = await RawClient.connected(house.running.port, { clientId: "other" });
    for (let i = 1; i <= 3; i++) other.publish("up/y", `${i}`, { qos: 1, messageId: i });
    await house.publisher.cut();
    await house.running.gateway.stop();
    await other.closed;
  });

  it("is not blocked by a device that publishes what goes up and hears what comes down", async () => {
    const topics = [flow, { filter: "down/#", direction: "down" }];
    const house = await BridgeBadHouse.build(
      politelyBut({
        publish: ({ messageId = 0, payload }, peer) => {
          peer.send({ cmd: "puback", messageId });
          const packet = { topic: "down/x", payload, qos: 1, messageId, dup: false, retain: false } as const;
          peer.send({ cmd: "publish", ...packet });
        },
        puback: () => {},
      }),
      { topics },
    );
    await house.connected();
    const device = await RawClient.connected(house.running.port, { clientId: "device" });
    await device.subscribe({ "down/#": 1 });
    for (let i = 1; i <= 200; i++) device.publish("up/x", `${i}`, { qos: 1, messageId: i });
    const heard: string[] = [];
    while (heard.length < 200) {
      const { payload, messageId = 0 } = await device.message();
      heard.push(payload);
      device.send({ cmd: "puback", messageId });
    }
    expect(heard).toEqual(Array.from({ length: 200 }, (_, i) => `${i + 1}`));
    await house.drained();
    await house.until(() => (house.bad.latest as UpstreamPeer).all("puback").length === 200);
    expect(house.complaints).toEqual([]);
  });
});

/** A file system of one megabyte; null where it cannot be had. */
function smallDisk(): string | null {
  if (process.getuid?.() !== 0 || process.platform !== "linux") return null;
  const directory = mkdtempSync(join(tmpdir(), "waypost-test-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "waypost-test", directory]).status === 0;
  onTestFinished(() => {
    if (mounted) spawnSync("umount", [directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return mounted ? directory : null;
}

it("a bridge that fills on a full disk acknowledges when there is room again, and loses nothing", async ({ skip }) => {
  const disk = smallDisk();
  if (disk === null) return skip("it takes root to mount a small disk");
  const store = { engine: "nedb", directory: join(disk, "data") };
  const house = await BridgeBadHouse.build(politelyBut({ connect: (_, peer) => peer.cut() }), {}, { store });
  await house.failed(1);
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(600_000));
  const payload = "x".repeat(5000);
  for (let messageId = 1; messageId <= 100; messageId++) {
    house.publisher.publish("up/x", `${messageId} ${payload}`, { qos: 1, messageId });
  }
  const isFull = () => house.running.log.complaints.some(({ text }) => text.includes("ENOSPC"));
  await house.until(isFull);
  const acknowledged = () => house.publisher.packets.filter(({ cmd }) => cmd === "puback").length;
  expect(acknowledged()).toBeLessThan(100);
  rmSync(ballast);
  house.bad.script = politely;
  await house.until(() => {
    house.clock.advance(100); // the store tries again
    return acknowledged() === 100;
  });
  await house.reconnected();
  await house.drained();
  const numbers = house.bad.payloads.map((each) => Number(each.split(" ")[0]));
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
});
