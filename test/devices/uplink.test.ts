import { describe, expect, it } from "vitest";
import { castFleet } from "../../devices/cast-fleet.ts";
import { clientIdOf } from "../../devices/client-id.ts";
import { runDevices } from "../../devices/run-devices.ts";
import { uplink } from "../../devices/scenario/uplink.ts";
import { topicMatches } from "../../devices/topic-matches.ts";
import { bridgeSettings } from "../../devices/uplink/bridge-plan.ts";
import { startGateway } from "../support/start-gateway.ts";
import { type Fault, forwardingGateway } from "./forwarding-gateway.ts";

const alias = "a1b2c3";
const castOf = (devices: number) =>
  castFleet({ scenario: uplink, devices, seconds: 10, seed: 1, prefix: "devices", protocol: "mixed" }, alias);

describe("a fleet of the scenario uplink", () => {
  it.each([uplink.devicesMin, uplink.small.devices, 97, 500])("has sessions and short names: %i devices", (devices) => {
    const { members } = castOf(devices);
    expect(members).toHaveLength(devices);
    expect(new Set(members.map(({ name }) => name)).size).toBe(devices);
    expect(members.every(({ behaviour }) => behaviour.persistent)).toBe(true);
    expect(Math.max(...members.map(({ name }) => clientIdOf(alias, name).length))).toBeLessThanOrEqual(23);
  });

  it("publishes each topic from one device only, and the bridge has a rule for each", () => {
    const { members, bridge } = castOf(40);
    const topics = new Set<string>();
    for (const { behaviour, at } of members) {
      for (const { topic, publishedOn = topic, lastValue = false } of behaviour.channels) {
        expect(topics).not.toContain(topic);
        topics.add(topic);
        const rule = bridge?.rules.find(({ direction, localPrefix = "", filter }) => {
          const goes = at === "cloud" ? direction !== "up" : direction !== "down";
          return goes && topicMatches(localPrefix + filter, publishedOn);
        });
        expect(rule, publishedOn).toBeDefined();
        expect(rule?.lastValue ?? false).toBe(lastValue);
        const { localPrefix = "", remotePrefix = "" } = rule ?? {};
        expect(remotePrefix + publishedOn.slice(localPrefix.length)).toBe(topic);
      }
    }
  });

  it("has somebody at the other end for each topic, and at the same end only where it goes both ways", () => {
    const { members } = castOf(40);
    const hears = (topic: string, end: "cloud" | undefined) =>
      members.some(
        ({ behaviour, at }) =>
          at === end && Object.keys(behaviour.subscriptions ?? {}).some((filter) => topicMatches(filter, topic)),
      );
    for (const { behaviour, at } of members) {
      for (const { topic } of behaviour.channels) {
        expect(hears(topic, at === "cloud" ? undefined : "cloud"), topic).toBe(true);
        expect(hears(topic, at), topic).toBe(topic.includes("/chat/"));
      }
    }
  });

  it("probes each rule in each direction where no device hears it", () => {
    const { bridge, members } = castOf(40);
    const filters = members.flatMap(({ behaviour }) => Object.keys(behaviour.subscriptions ?? {}));
    const { rules = [], probes } = bridge ?? {};
    for (const { from, to } of [...(probes?.up ?? []), ...(probes?.down ?? [])]) {
      expect(filters.some((filter) => topicMatches(filter, from) || topicMatches(filter, to))).toBe(false);
    }
    expect(probes?.up).toHaveLength(rules.filter(({ direction }) => direction !== "down").length);
    expect(probes?.down).toHaveLength(rules.filter(({ direction }) => direction !== "up").length);
  });

  it("gives the gateway its bridge by --set", () => {
    const { bridge } = castOf(40);
    const settings = bridgeSettings(bridge!, 1883);
    expect(settings).toContain("bridges.cloud.url=mqtt://127.0.0.1:1883");
    const topics = settings.find((setting) => setting.startsWith("bridges.cloud.topics="));
    expect(JSON.parse(topics!.slice("bridges.cloud.topics=".length))).toEqual(bridge?.rules);
  });
});

describe("the scenario uplink", () => {
  /** With a stand-in for a gateway with a bridge, and one for a cloud where Mosquitto is not needed. */
  async function play(fault: Fault, ...args: string[]): Promise<{ code: number; text: string }> {
    const { port } = await startGateway({ mailboxes: { messagesMax: 100_000 } });
    const cloud = await startGateway({ mailboxes: { messagesMax: 100_000 } });
    const said: string[] = [];
    const small = [
      "--devices",
      "12",
      "--seconds",
      "2",
      "--late-seconds",
      "2",
      "--protocol",
      "3.1.1",
      "--cloud",
      "waypost",
    ];
    const code = await runDevices(["uplink", "--with-gateway", ...small, ...args], {
      out: (text: string) => said.push(text),
      error: (text: string) => said.push(text),
      progressStream: process.stdout,
      gatewayMain: await forwardingGateway(port, fault, cloud.port),
      signal: new AbortController().signal,
    });
    return { code, text: said.join("") };
  }

  it("passes when the line is cut and all of it comes all the same", { timeout: 60_000 }, async () => {
    const { code, text } = await play("nothing", "--cuts", "2", "--troubles", "cut");
    expect(text).toContain("PASSED");
    expect(text).toContain("the line to a second gateway: 2 troubles (2 cut)");
    expect(code).toBe(0);
  });

  it.each([
    ["loses", /reading: \d+ lost/],
    ["doubles", /reading: \d+ duplicated/],
    ["swaps", /reading: \d+ out of order/],
  ] as const)("notices a bridge that %s some", { timeout: 60_000 }, async (fault, problem) => {
    const { code, text } = await play(fault, "--cuts", "0");
    expect(text).toMatch(problem);
    expect(code).toBe(1);
  });
});
