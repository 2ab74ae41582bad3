import { describe, expect, it } from "vitest";
import { broadcast } from "../../devices/scenario/broadcast.ts";
import { broadcastDevicesMin, broadcastShares } from "../../devices/scenario/broadcast-shares.ts";
import type { Stage } from "../../devices/scenario/scenario.ts";
import { scenarios } from "../../devices/scenario/scenarios.ts";
import { topicMatches } from "../../devices/topic-matches.ts";

const stage: Stage = { root: "devices/a1b2c3", alias: "a1b2c3", label: "a1b2c3", seed: 1, liveMs: 10_000 };

describe("the shares of a broadcast", () => {
  it("give out exactly the devices asked for, at least one of each kind and two dashboards", () => {
    for (let devices = broadcastDevicesMin; devices <= 10_000; devices += devices < 300 ? 1 : 97) {
      const shares = broadcastShares(devices);
      const counts = Object.values(shares);
      expect(counts.reduce((sum, count) => sum + count)).toBe(devices);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
      expect(shares.dashboards).toBeGreaterThanOrEqual(2);
    }
  });

  it("are mostly thermometers in a fleet of 200", () => {
    expect(broadcastShares(200)).toEqual({
      dashboards: 4,
      controllers: 1,
      cameras: 4,
      flakySensors: 20,
      lamps: 30,
      buttons: 30,
      announcers: 1,
      displays: 40,
      thermometers: 70,
    });
  });
});

describe.each([10, 13, 200, 5000])("a broadcast of %i devices", (devices) => {
  const members = broadcast.cast(devices, stage);
  const channels = members.flatMap(({ behaviour }) => behaviour.channels);

  it("has that many members with names of their own that fit into 23 bytes with the run [MQTT-3.1.3-5]", () => {
    expect(new Set(members.map(({ name }) => name)).size).toBe(devices);
    expect(Math.max(...members.map(({ name }) => `a1b2c3-${name}`.length))).toBeLessThanOrEqual(23);
  });

  it("publishes every topic from one device only, all below its root", () => {
    expect(new Set(channels.map(({ topic }) => topic)).size).toBe(channels.length);
    expect(channels.every(({ topic }) => topic.startsWith(`${stage.root}/`))).toBe(true);
  });

  it("lets every dashboard see every topic, by exactly one of its subscriptions, over WebSocket", () => {
    const dashboards = members.filter(({ name }) => name.startsWith("dashboard"));
    expect(dashboards.length).toBeGreaterThanOrEqual(2);
    for (const { behaviour } of dashboards) {
      expect(behaviour.transport).toBe("websocket");
      const filters = Object.keys(behaviour.subscriptions ?? {});
      for (const { topic } of channels) {
        expect(filters.filter((filter) => topicMatches(filter, topic))).toHaveLength(1);
      }
    }
  });

  it("uses every QoS, and sends something to every flaky sensor and every lamp", () => {
    expect(new Set(channels.map(({ qos }) => qos))).toEqual(new Set([0, 1, 2]));
    const listeners = members.filter(({ name }) => /^(flaky|lamp)/.test(name));
    for (const { name, behaviour } of listeners) {
      for (const filter of Object.keys(behaviour.subscriptions ?? {})) {
        expect(
          channels.some(({ topic }) => topic === filter),
          `${name} hears ${filter}`,
        ).toBe(true);
      }
    }
    for (const { name, behaviour } of members) {
      if (/^(dashboard|controller|announcer)/.test(name)) continue;
      const announcement = `${stage.root}/announcer-1/announcement`;
      expect(behaviour.subscriptions, `${name} hears announcements`).toHaveProperty([announcement]);
    }
    expect(listeners.filter(({ behaviour }) => behaviour.persistent)).not.toHaveLength(0);
  });
});

it("a scenario is found by its name", () => {
  expect(scenarios.get("broadcast")).toBe(broadcast);
  expect([...scenarios].every(([name, scenario]) => scenario.name === name)).toBe(true);
});
