import { describe, expect, it } from "vitest";
import { planClient } from "../../src/client/client-options.ts";

describe("the address", () => {
  it("is localhost:1883 unless given", () => {
    const { options, place } = planClient({}, "sub");
    expect(options).toMatchObject({
      protocol: "mqtt",
      host: "localhost",
      port: 1883,
      protocolVersion: 4,
      keepalive: 60,
    });
    expect(options.clientId).toMatch(/^waypost-sub-[0-9a-f]{8}$/);
    expect(place).toBe("localhost:1883");
  });

  it.each([
    [
      "mqtt://u:p%40ss@gate",
      { protocol: "mqtt", host: "gate", port: 1883, username: "u", password: Buffer.from("p@ss") },
    ],
    ["mqtts://gate", { protocol: "mqtts", host: "gate", port: 8883 }],
    ["mqtt://[::1]:2000", { protocol: "mqtt", host: "::1", port: 2000 }],
    ["ws://gate:8083", { protocol: "ws", hostname: "gate", port: 8083, path: "/mqtt" }],
    ["wss://gate/other?x=1", { protocol: "wss", hostname: "gate", port: 443, path: "/other?x=1" }],
    ["ws://[::1]:8083/mqtt", { protocol: "ws", hostname: "[::1]", port: 8083, path: "/mqtt" }],
  ])("may be %s", (url, options) => {
    expect(planClient({ url }, "pub").options).toMatchObject(options);
  });

  it("may end with the topic, as in mosquitto", () => {
    expect(planClient({ url: "mqtt://gate/house/%23" }, "sub").urlTopic).toBe("house/#");
    expect(planClient({ url: "ws://gate/mqtt" }, "sub").urlTopic).toBeUndefined();
  });

  it.each(["gate", "http://gate", "mqtt://", "mqtt://gate/%"])("may not be %s", (url) => {
    expect(() => planClient({ url }, "pub")).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
  });
});
