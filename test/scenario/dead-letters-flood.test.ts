import { monitorEventLoopDelay } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { freePort } from "../../devices/free-port.ts";
import { GatewayProcess } from "../../devices/gateway-process.ts";
import { createRandom } from "../../devices/random.ts";
import { bundleGateway } from "../devices/bundle-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";
import { fill, house, houseOf } from "./multicast-house.ts";

const root = temporaryDirectory();
const DROPS = 100_000;

describe("a flood of messages that are not delivered", () => {
  it("does not hold up the gateway, and leaves as many letters as there may be", { timeout: 120_000 }, async () => {
    const running = await house(root, { mailboxes: { messagesMax: 1 } });
    await running.away("full", { t: 1 });
    const publisher = await running.device("publisher");
    await fill(publisher, "t", ["fills"]);
    const payloads = Array.from({ length: 5000 }, (_, n) => `${n}`);
    await fill(publisher, "t", payloads); // the code is warm from here on
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const heapBefore = process.memoryUsage().heapUsed;
    delay.enable();
    const startedAt = performance.now();
    for (let n = 0; n < DROPS / 5000; n++) await fill(publisher, "t", payloads);
    const seconds = (performance.now() - startedAt) / 1000;
    delay.disable();
    const { kept, counts } = running.administration.deadLetters({ max: 1 });
    expect(counts["mailbox-full"]).toBe(DROPS + 5000);
    expect(kept.messages).toBe(10_000);
    const heapMiB = (process.memoryUsage().heapUsed - heapBefore) / 1024 / 1024;
    const figures = { seconds, longestStallMs: delay.max / 1e6, p99Ms: delay.percentile(99) / 1e6, heapMiB };
    console.log("flood over MQTT:", JSON.stringify(figures));
    const later = houseOf(await running.killed());
    expect(later.administration.deadLetters({ max: 1 }).kept.messages).toBe(10_000);
  });

  it("of one turn, as a purge of a queue by force is, gives way to others", { timeout: 120_000 }, async () => {
    const changes = { deadLetters: { messagesMax: 50_000 }, store: { durability: "written" } };
    const running = await house(root, changes);
    await running.administration.createQueue("made", { topics: ["made"], messagesMax: 200_000 });
    const publisher = await running.device("publisher");
    for (let n = 0; n < 10; n++)
      await fill(
        publisher,
        "made",
        Array.from({ length: 5000 }, (_, i) => `${i}`),
      );
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const timed = async (what: string, work: () => Promise<unknown>) => {
      delay.reset();
      delay.enable();
      await work();
      await publisher.ping();
      delay.disable();
      console.log(`${what}: longest stall ${Math.round(delay.max / 1e6)} ms`);
    };
    const { administration } = running;
    await administration.createQueue("other", { messagesMax: 200_000 });
    const from = { kind: "queue", name: "made" } as const;
    const to = { kind: "queue", name: "other" } as const;
    await timed("move of 50,000", () => administration.move(from, to));
    await timed("move of 50,000 back", () => administration.move(to, from));
    await timed("removal by force of 50,000", () => administration.removeQueue("made", true));
    const { kept } = administration.deadLetters({ max: 1 });
    expect(kept.messages).toBe(50_000);
    await administration.createQueue("made", { messagesMax: 200_000 });
    await timed("requeue of 50,000", () => administration.requeue({ all: true }, false));
    expect(administration.queue("made").messages).toBe(50_000);
    await timed("purge of 50,000", () => administration.purge(from));
    const ids = () => administration.deadLetters({ max: 100_000 }).letters.map(({ id }) => id);
    await fill(
      publisher,
      "$queue/nothing/t",
      Array.from({ length: 10_000 }, (_, i) => `${i}`),
    );
    expect(ids().length).toBeGreaterThan(0);
    await timed("purge of dead letters", () => administration.purgeDeadLetters({ ids: ids() }));
    expect(ids()).toEqual([]);
  });
});

describe("a process with a flood of dead letters", () => {
  it("stays small", { timeout: 120_000 }, async () => {
    const main = await bundleGateway();
    const random = createRandom(Date.now(), "flood");
    const port = await freePort(random);
    const webPort = await freePort(random);
    const directory = `${root}/flood`;
    const settings = [
      `listeners.mqtt.port=${port}`,
      `listeners.web.port=${webPort}`,
      `store.directory=${directory}`,
      "mailboxes.messagesMax=1",
    ];
    const gateway = GatewayProcess.launch(main, settings);
    await gateway.ready();
    const away = await Device5.connect(port, "full", { livesSeconds: 3600 });
    await away.subscribe({ t: 1 });
    await away.disconnect();
    const publisher = await Device5.connect(port, "publisher");
    const reader = await Device5.connect(port, "reader");
    await reader.subscribe({ "$SYS/broker/heap/current": 0 });
    const mebibytesOf = ({ payload }: { payload: string }) => Math.round(Number(payload) / 1024 / 1024);
    const before = mebibytesOf(await reader.message());
    const payloads = Array.from({ length: 5000 }, (_, n) => `${n} ${"x".repeat(500)}`);
    for (let n = 0; n < DROPS / 5000; n++) await fill(publisher, "t", payloads);
    await reader.messages();
    const after = mebibytesOf(await reader.message()); // it is published every ten seconds
    console.log(`resident: ${before} MiB at the start, ${after} MiB after ${DROPS} drops`);
    expect(after).toBeLessThan(before + 150);
    expect(await gateway.stop()).toBeUndefined();
  });
});
