import { describe, expect, it } from "vitest";
import { offline } from "../../devices/scenario/offline.ts";
import type { Stage } from "../../devices/scenario/scenario.ts";
import { topicMatches } from "../../devices/topic-matches.ts";

const stage: Stage = { root: "devices/a1b2c3", alias: "a1b2c3", label: "a1b2c3", seed: 1, liveMs: 10_000 };

describe.each([4, 11, 20, 200, 10_000])("an offline fleet of %i devices", (devices) => {
  const members = offline.cast(devices, stage);
  const channels = members.flatMap(({ behaviour }) => behaviour.channels);
  const filters = members.flatMap(({ behaviour }) => Object.keys(behaviour.subscriptions ?? {}));

  it("has that many members, all persistent, with names of their own that fit into 23 bytes [MQTT-3.1.3-5]", () => {
    expect(new Set(members.map(({ name }) => name)).size).toBe(devices);
    expect(members.every(({ behaviour }) => behaviour.persistent)).toBe(true);
    expect(Math.max(...members.map(({ name }) => `a1b2c3-${name}`.length))).toBeLessThanOrEqual(23);
  });

  it("publishes every topic from one device only, at QoS 1 or 2", () => {
    expect(new Set(channels.map(({ topic }) => topic)).size).toBe(channels.length);
    expect(new Set(channels.map(({ qos }) => qos))).toEqual(new Set([1, 2]));
  });

  it("has a sleeper of its own for every topic beside the archive", () => {
    const wanted = new Set(filters.map((filter) => filter.replace("/+/", "/*/").replace(/.*\*/, "*")));
    for (const { topic } of channels) {
      const short = topic.replace(/.*(\/order\/)/, "*$1");
      expect(wanted.has(topic) || wanted.has(short), topic).toBe(true);
      expect(topicMatches(`${stage.root}/#`, topic)).toBe(true);
    }
  });
});

it("an offline fleet subscribes to the same at QoS 1 here and at QoS 2 there", () => {
  const members = offline.cast(20, stage);
  const granted = members.flatMap(({ behaviour }) =>
    Object.entries(behaviour.subscriptions ?? {}).flatMap(([filter, qos]) => (filter.endsWith("tariff") ? [qos] : [])),
  );
  expect(new Set(granted)).toEqual(new Set([1, 2]));
});
