import { describe, expect, it } from "vitest";
import { castFleet } from "../../devices/cast-fleet.ts";
import { clientIdOf } from "../../devices/client-id.ts";
import { memberMatches } from "../../devices/member-matches.ts";
import { settingsOf } from "../../devices/scenario/destinations.ts";
import { queueShares } from "../../devices/scenario/queue-shares.ts";
import { scenarios } from "../../devices/scenario/scenarios.ts";
import { topicMatches } from "../../devices/topic-matches.ts";

const alias = "a1b2c3";
const castOf = (name: string, devices: number) => {
  const scenario = scenarios.get(name)!;
  return castFleet({ scenario, devices, seconds: 10, seed: 1, prefix: "devices", protocol: "mixed" }, alias);
};

describe.each(["queue", "multicast", "request", "chaos"])("a fleet of the scenario %s", (name) => {
  const { devicesMin, small } = scenarios.get(name)!;

  it.each([devicesMin, small.devices, 97, 500])(
    "has names of its own that fit into 23 bytes: %i devices",
    (devices) => {
      const { members } = castOf(name, devices);
      expect(members).toHaveLength(devices);
      expect(new Set(members.map((member) => member.name)).size).toBe(devices);
      expect(Math.max(...members.map((member) => clientIdOf(alias, member.name).length))).toBeLessThanOrEqual(23);
    },
  );

  it("publishes every topic from one device only, below its root", () => {
    const topics = castOf(name, 200).members.flatMap(({ behaviour }) => behaviour.channels.map(({ topic }) => topic));
    expect(new Set(topics).size).toBe(topics.length);
    expect(topics.every((topic) => topic.startsWith(`devices/${alias}/`))).toBe(true);
  });

  it("can live through a kill of the gateway: everybody keeps a session, or only takes jobs", () => {
    for (const { behaviour } of castOf(name, 200).members) {
      const filters = Object.keys(behaviour.subscriptions ?? {});
      const takesJobs = filters.length > 0 && filters.every((filter) => filter.startsWith("$queue/"));
      expect(behaviour.persistent === true || takesJobs).toBe(true);
    }
  });

  it("takes jobs from queues that the gateway is given only", () => {
    const { members, queues } = castOf(name, 200);
    const names = new Set(queues.map((queue) => `$queue/${queue.name}`));
    for (const { behaviour } of members) {
      for (const filter of Object.keys(behaviour.subscriptions ?? {})) {
        if (filter.startsWith("$queue/")) expect(names).toContain(filter);
      }
    }
  });
});

describe("the shares of a queue", () => {
  it("give out exactly the devices asked for, at least one of each kind", () => {
    for (let devices = 14; devices <= 10_000; devices += devices < 300 ? 1 : 97) {
      const counts = Object.values(queueShares(devices));
      expect(counts.reduce((sum, count) => sum + count)).toBe(devices);
      expect(Math.min(...counts)).toBeGreaterThanOrEqual(1);
    }
  });
});

describe("the queues of a run", () => {
  it("take every topic of a producer once, by topic or by name", () => {
    const { members, queues } = castOf("queue", 20);
    for (const { behaviour } of members) {
      for (const { topic, via } of behaviour.channels) {
        const takers = queues.filter(({ name, topics }) =>
          via === undefined ? topics.some((filter) => topicMatches(filter, topic)) : via === `$queue/${name}`,
        );
        expect(takers, topic).toHaveLength(1);
      }
    }
  });

  it("find the key of 3.1.1 in the last level of its topic", () => {
    const { members, queues } = castOf("queue", 20);
    const level = queues.find(({ keyTopicLevel }) => keyTopicLevel !== undefined)!.keyTopicLevel!;
    const keyed = members.flatMap(({ behaviour }) => behaviour.channels).filter(({ flow }) => flow === "keyed");
    expect(keyed.length).toBeGreaterThan(0);
    for (const { topic } of keyed) expect(topic.split("/")).toHaveLength(level);
  });

  it("are given to a gateway of its own by --set", () => {
    const settings = settingsOf(castOf("queue", 20).destinations);
    expect(settings).toContain(`queues.a1b2c3-jobs.topics=["devices/a1b2c3/+/job","devices/a1b2c3/+/batch"]`);
    expect(settings).toContain("queues.a1b2c3-keyed.dispatch=by-key");
  });

  it("differ between the scenarios of one run, so that one gateway can have all of them", () => {
    const names = [...scenarios.keys()].flatMap((name) => castOf(name, 100).queues.map((queue) => queue.name));
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the groups of a run", () => {
  it("have members and leave others out; one has nobody, and one is unknown", () => {
    const { members, groups } = castOf("multicast", 30);
    const sizes = groups.map(({ members: names }) => names.length);
    expect(sizes.filter((size) => size === 0)).toHaveLength(1);
    expect(Math.max(...sizes)).toBeLessThan(members.length);
    const known = new Set(groups.map(({ name }) => `$group/${name}`));
    const wanted = new Set(members.flatMap(({ behaviour }) => behaviour.channels.map(({ via }) => via)));
    expect([...wanted].filter((via) => via !== undefined && !known.has(via))).toHaveLength(1);
  });

  it.each([
    ["sensor-*", "sensor-12", true],
    ["sensor-*", "my-sensor-1", false],
    ["sensor-?", "sensor-1", true],
    ["sensor-?", "sensor-12", false],
    ["a.b", "axb", false],
    ["*", "", true],
  ])("match client ids by their patterns: %s and %s", (pattern, clientId, matches) => {
    expect(memberMatches(pattern, clientId)).toBe(matches);
  });
});
