import { describe, expect, it } from "vitest";
import type { Administration } from "../../src/admin/administration.ts";
import { WaypostError } from "../../src/waypost-error.ts";
import { RawClient } from "../support/raw-client.ts";
import type { UpstreamPeer } from "../support/scripted-upstream.ts";
import { BridgeBadHouse } from "./bridge-bad-house.ts";

describe("topics that a bridge cannot pass on", () => {
  it("stay here where the prefix makes them too long, and what is behind them goes on", async () => {
    const topics = [{ filter: "up/#", remotePrefix: "site-7/" }];
    const house = await BridgeBadHouse.build(undefined, { topics }, { limits: { topicBytesMax: 65_535 } });
    await house.connected();
    const longest = `up/${"x".repeat(65_535 - 3)}`;
    const longestThatFits = `up/${"y".repeat(65_535 - 3 - 7)}`;
    const watcher = await RawClient.connected(house.running.port, { clientId: "watcher" });
    await watcher.subscribe({ "up/#": 0 });
    for (const topic of [longest, longestThatFits, "up/short"]) await house.publish(topic, "x");
    expect((await watcher.message()).topic).toHaveLength(65_535);
    await house.drained();
    await house.until(() => house.bad.messages.length === 2);
    expect(house.bad.messages.map(({ topic }) => topic.length)).toEqual([65_535, "site-7/up/short".length]);
    expect(house.report.totals.connections).toBe(1);
    await house.othersGoOn();
  });

  it("that begin with $ go up only by a rule that says so, and none below $SYS", async () => {
    const topics = [{ filter: "#" }, { filter: "$own/#" }];
    const house = await BridgeBadHouse.build(undefined, { topics });
    await house.connected();
    const device = await RawClient.connected(house.running.port, { clientId: "device", protocolVersion: 5 });
    for (const [index, topic] of ["$other/x", "$own/x", "$SYS/broker/x", "$share/g/x", "plain"].entries()) {
      device.publish(topic, "x", { qos: 1, messageId: index + 1 });
    }
    await house.until(() => house.bad.messages.some(({ topic }) => topic === "plain"));
    expect(house.bad.messages.map(({ topic }) => topic)).toEqual(["$own/x", "plain"]);
  });

  it("that come down and may not be published here are acknowledged, and left", async () => {
    const topics = [{ filter: "#", direction: "down" }];
    const house = await BridgeBadHouse.build(undefined, { topics });
    await house.connected();
    const watcher = await RawClient.connected(house.running.port, { clientId: "watcher" });
    await watcher.subscribe({ "#": 1, "$SYS/broker/uptime": 1 }, 1);
    await watcher.ping();
    const uptime = watcher.packets.filter(({ cmd }) => cmd === "publish").length;
    const peer = house.bad.latest as UpstreamPeer;
    const hostile = ["$SYS/broker/uptime", "$share/g/t", "$queue/jobs", "$group/g/t", "$request/x", "ok"];
    for (const [index, topic] of hostile.entries()) {
      const packet = { topic, payload: "hostile", messageId: index + 1, dup: false, retain: true } as const;
      peer.send({ cmd: "publish", qos: index % 2 === 0 ? 1 : 2, ...packet });
    }
    await house.until(() => peer.all("puback").length + peer.all("pubrec").length === hostile.length);
    await watcher.ping();
    const came = watcher.packets.filter(({ cmd }) => cmd === "publish").slice(uptime) as { topic: string }[];
    expect(came.map(({ topic }) => topic)).toEqual(["ok"]);
    expect(house.complaints).toEqual([]);
    expect(house.report.totals.connections).toBe(1);
  });

  const down = { topics: [{ filter: "#", direction: "down", localPrefix: "from/cloud/" }] };
  const packet = { payload: "x", qos: 2, dup: false, retain: false } as const;

  it("that come down and are too long with the prefix are acknowledged, and left", async () => {
    const house = await BridgeBadHouse.build(undefined, down, { limits: { topicBytesMax: 65_535 } });
    await house.connected();
    const peer = house.bad.latest as UpstreamPeer;
    peer.send({ cmd: "publish", topic: "x".repeat(65_535), messageId: 1, ...packet });
    peer.send({ cmd: "pubrel", messageId: 1 });
    expect((await peer.packet("pubcomp")).messageId).toBe(1);
    expect(house.report.drops).toEqual({ "no-rule": 1 });
    expect(house.complaints).toEqual([]);
  });

  // The upstream would send them again and again, and the bridge would never come to anything else.
  it.each([
    ["have more levels than this gateway takes", "a/".repeat(101)],
    ["are longer than this gateway takes", "x".repeat(5000)],
    ["have wildcards", "down/#"],
  ])("that come down and %s are acknowledged, and left", async (_, topic) => {
    for (const protocol of ["5", "3.1.1"]) {
      const house = await BridgeBadHouse.build(undefined, { ...down, protocol });
      await house.connected();
      const peer = house.bad.latest as UpstreamPeer;
      peer.send({ cmd: "publish", topic, messageId: 1, ...packet });
      peer.send({ cmd: "publish", topic, messageId: 2, ...packet, qos: 1 });
      await house.until(() => house.failures > 0 || peer.all("puback").length > 0);
      expect([house.failures, peer.all("pubrec").length]).toEqual([0, 1]);
      expect(peer.all("puback")[0]?.reasonCode ?? 0).toBe(protocol === "5" ? 0x90 : 0);
      expect(Object.values(house.report.drops)).toEqual([2]);
      expect(house.complaints.length).toBeLessThanOrEqual(1);
    }
  });
});

describe("whoever looks after a bridge", () => {
  const house = () => BridgeBadHouse.build();
  type Deed = (administration: Administration) => unknown;
  const nobody = { kind: "bridge", name: "nobody" } as const;
  const bad = { kind: "bridge", name: "bad" } as const;

  it("is told which bridges there are where the name is wrong", async () => {
    const { administration } = (await house()).running.gateway;
    const deeds: Deed[] = [
      (a) => a.bridge("nobody"),
      (a) => a.bridge("__proto__"),
      (a) => a.bridge(""),
      (a) => a.drainBridge("nobody"),
      (a) => a.removeBridge("nobody", true),
      (a) => a.pause(nobody),
      (a) => a.resume(nobody),
      (a) => a.purge(nobody),
      (a) => a.move(nobody, bad),
      (a) => a.move(bad, nobody),
    ];
    for (const deed of deeds) {
      const outcome = await Promise.resolve()
        .then(() => deed(administration))
        .catch((error) => error);
      expect(outcome).toBeInstanceOf(WaypostError);
      expect(outcome).toMatchObject({ code: "ERR_NOT_FOUND", message: expect.stringMatching(/bad, good/) });
    }
  });

  it("cannot remove one of the configuration, nor move from it to itself", async () => {
    const { administration } = (await house()).running.gateway;
    await expect(administration.removeBridge("bad", true)).rejects.toMatchObject({
      code: "ERR_CONFLICT",
      message: expect.stringMatching(/is in the configuration/),
    });
    await expect(administration.move(bad, bad)).rejects.toBeInstanceOf(WaypostError);
  });

  it("may pause, drain, purge and resume it in any order, at once, while it connects", async () => {
    const one = await house();
    const { administration } = one.running.gateway;
    await one.publish("up/x", "kept");
    const deeds = [
      administration.pause(bad),
      administration.drainBridge("bad"),
      administration.pause(bad),
      administration.resume(bad),
      administration.pause(bad),
      administration.resume(bad),
    ];
    await Promise.all(deeds);
    await one.reconnected();
    await one.drained();
    expect(one.bad.payloads).toEqual(["kept"]);
    expect(await administration.purge(bad)).toEqual({ messages: 0 });
    expect(one.report).toMatchObject({ paused: false });
    expect(one.complaints).toEqual([]);
  });
});
