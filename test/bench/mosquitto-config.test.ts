import { expect, it } from "vitest";
import { mosquittoConfig, upstreamConfig } from "../../bench/mosquitto-config.ts";

const bridge = { upstreamPort: 1884, filters: ["bench/#", "live/#"] };
const linesOf = (config: string) => config.split("\n");

it("leaves Mosquitto its defaults where nothing is kept", () => {
  expect(mosquittoConfig(1883, "data")).toBe("listener 1883 127.0.0.1\nallow_anonymous true\n");
});

it("lets it keep everything in its folder", () => {
  const config = linesOf(mosquittoConfig(1883, "data", { mailboxMessagesMax: 1 }));
  expect(config).toEqual(expect.arrayContaining(["persistence_location data/", "max_queued_messages 0"]));
  expect(config.some((line) => line.startsWith("connection "))).toBe(false);
});

it("gives it a bridge, whose settings come after those of the broker", () => {
  const config = linesOf(mosquittoConfig(1883, "data", { mailboxMessagesMax: 1, bridge }));
  expect(config.slice(config.indexOf("connection bench"))).toEqual([
    "connection bench",
    "address 127.0.0.1:1884",
    "topic bench/# out 1",
    "topic live/# out 1",
    "cleansession false",
    "notifications false",
    "restart_timeout 1",
    "",
  ]);
  expect(config.join()).not.toContain("max_inflight_messages");
});

it("lets it send as much at once as its upstream takes", () => {
  const edge = linesOf(
    mosquittoConfig(1883, "data", { mailboxMessagesMax: 1, bridge: { ...bridge, inFlightMax: 99 } }),
  );
  expect(edge.indexOf("max_inflight_messages 99")).toBeLessThan(edge.indexOf("connection bench"));
  expect(linesOf(upstreamConfig(1884, 99))).toContain("max_inflight_messages 99");
});

it("has an upstream that keeps nothing on disk and limits no queue", () => {
  const config = linesOf(upstreamConfig(1884, undefined));
  expect(config).toEqual(expect.arrayContaining(["persistence false", "max_queued_messages 0"]));
  expect(config.join()).not.toContain("max_inflight_messages");
});
