import { describe, expect, it } from "vitest";
import { readUpstreamUrl } from "../../src/config/upstream-url.ts";

describe("the URL of an upstream", () => {
  it.each([
    ["mqtt://upstream.example", { scheme: "mqtt", host: "upstream.example", port: 1883, path: "" }],
    ["mqtts://upstream.example", { scheme: "mqtts", host: "upstream.example", port: 8883, path: "" }],
    ["ws://upstream.example", { scheme: "ws", host: "upstream.example", port: 80, path: "/mqtt" }],
    ["wss://upstream.example", { scheme: "wss", host: "upstream.example", port: 443, path: "/mqtt" }],
    ["mqtt://upstream.example:80/", { scheme: "mqtt", host: "upstream.example", port: 80, path: "" }],
    ["ws://10.0.0.1:9001/", { scheme: "ws", host: "10.0.0.1", port: 9001, path: "/" }],
    ["wss://a.example:8443/broker?site=7", { scheme: "wss", host: "a.example", port: 8443, path: "/broker?site=7" }],
    ["mqtt://[::1]:1884", { scheme: "mqtt", host: "::1", port: 1884, path: "" }],
    ["MQTT://Upstream.Example:1883", { scheme: "mqtt", host: "upstream.example", port: 1883, path: "" }],
  ])("%s is read, with what it leaves out", (text, parts) => {
    expect(readUpstreamUrl(text)).toEqual({
      ...parts,
      isEncrypted: /s:/i.test(text.slice(0, 6)) && !/^ws:/.test(text),
    });
  });

  it.each([
    ["", "it has no scheme, write one such as mqtts://upstream.example:8883"],
    ["upstream.example:1883", "it has no scheme, write one such as mqtts://upstream.example:8883"],
    ["mqtt:upstream.example", "it has no scheme, write one such as mqtts://upstream.example:8883"],
    ["http://upstream.example", "its scheme http is called ws here, use mqtt, mqtts, ws or wss"],
    ["ssl://upstream.example", "its scheme ssl is called mqtts here, use mqtt, mqtts, ws or wss"],
    ["amqp://upstream.example", "its scheme amqp is not known, use mqtt, mqtts, ws or wss"],
    ["constructor://upstream.example", "its scheme constructor is not known, use mqtt, mqtts, ws or wss"],
    ["mqtt://", "it has no host"],
    ["mqtt://:1883", "it has no host"],
    ["mqtt:///topics", "it has no host"],
    ["mqtt://alice@upstream.example", "it has credentials in it, use username and password of the bridge"],
    ["wss://alice:secret@upstream.example/mqtt", "it has credentials in it, use username and password of the bridge"],
    ["mqtt://upstream.example/topics", "it has a path, which only ws and wss have, leave it out"],
    ["mqtts://upstream.example?a=b", "it has a path, which only ws and wss have, leave it out"],
    ["ws://upstream.example/mqtt#top", "it has a fragment (#…), leave it out"],
    ["mqtt://upstream.example:0", "its port is 0, a port is 1 to 65535"],
    ["mqtt://upstream.example:65536", "its host or port is not valid, a port is 1 to 65535"],
    ["mqtt://upstream.example:mqtt", "its host or port is not valid, a port is 1 to 65535"],
    ["mqtt://[::1", "its host or port is not valid, a port is 1 to 65535"],
    ["mqtt://up stream.example", "it has a space or control character in it"],
    ["mqtt://upstream.example\n", "it has a space or control character in it"],
  ])("%j is none", (text, mistake) => {
    expect(readUpstreamUrl(text)).toEqual({ mistake });
  });
});
