import { describe, expect, it } from "vitest";
import { WaypostError } from "../../src/waypost-error.ts";
import { bridgeReport } from "../admin/fake-bridges.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { gatewayToAsk } from "./gateway-to-ask.ts";

const root = temporaryDirectory();
const gateway = () => gatewayToAsk(root);

const rule = {
  direction: "up",
  localPrefix: "",
  remotePrefix: "",
  outage: "live-first",
  priority: 4,
  messages: 0,
  bytes: 0,
  oldestSeconds: null,
  limits: { messagesMax: 100_000, bytesMax: 67_108_864 },
} as const;

const busy = bridgeReport({
  paused: true,
  draining: true,
  messages: 120,
  bytes: 12_600,
  oldestSeconds: 190,
  inFlight: 7,
  stranded: 4,
  perSecond: { forwarded: 340.4, received: 10.06 },
  totals: { forwarded: 1000, received: 870, bytesSent: 3_145_728, resent: 3, connections: 2 },
  drops: { loop: 2, sampled: 0, expired: 5 },
  rules: [
    { ...rule, filter: "telemetry/#", remotePrefix: "site-7/", messages: 120, bytes: 12_600, oldestSeconds: 190 },
    { ...rule, filter: "command/+", direction: "down", localPrefix: "from\u0007/" },
  ],
});

const lost = bridgeReport({
  name: "backup",
  state: "waiting",
  protocol: null,
  retryAt: "2023-11-14T22:13:30.000Z",
  lastError: { at: "2023-11-14T22:13:20.000Z", message: `connect ECONNREFUSED\n${"x".repeat(40)}` },
});

describe("waypost bridges", () => {
  it("lists the bridges, with a command and without, and as waypost bridge", async () => {
    const { administration, ask } = await gateway();
    administration.bridgeReports.splice(0, 1, busy, lost, bridgeReport({ name: "old", state: "left-over", url: null }));
    const listing = await ask(["bridges"]);
    expect({ ...listing, out: listing.out.replaceAll(/ {2,}/g, " | ").split("\n") }).toEqual({
      code: 0,
      err: "",
      out: [
        "bridge | state | upstream | waiting | bytes | oldest | in flight | out/s | in/s | last error",
        "cloud | connected, paused, draining | mqtts://upstream.example:8883 | 120 | 12.3 KiB | 3 min 10 s | 7 | 340 | 10.1 | -",
        "backup | waiting | mqtts://upstream.example:8883 | 0 | 0 B | - | 0 | 0 | 0 | connect ECONNREFUSED\\u{a}xxxxxxxxxxxxxx…",
        "old | left over | - | 0 | 0 B | - | 0 | 0 | 0 | -",
        "",
      ],
    });
    expect(await ask(["bridges", "list"])).toEqual(listing);
    expect(await ask(["bridge"])).toEqual(listing);
    expect(JSON.parse((await ask(["bridges", "--json"])).out)).toEqual({ bridges: administration.bridgeReports });
    administration.bridgeReports.length = 0;
    expect(await ask(["bridges"])).toMatchObject({ code: 0, out: expect.stringContaining("there are no bridges: ") });
  });

  it("shows one with its rules", async () => {
    const { administration, ask } = await gateway();
    administration.bridgeReports.splice(0, 1, busy, lost);
    const { out } = await ask(["bridges", "show", "cloud"]);
    expect(out.replaceAll(/(?<=\S) {2,}/g, " | ").split("\n")).toEqual([
      "bridge cloud, connected, paused, draining since 2023-11-14T22:13:20.000Z",
      "  upstream: mqtts://upstream.example:8883, MQTT 5",
      "  client id: waypost-0123456789abcdef-cloud",
      "  120 messages waiting, 12.3 KiB, the oldest for 3 min 10 s",
      "  4 of them stranded: no rule matches them any more",
      "  in flight: 7",
      "  per second: 340 out, 10.1 in",
      "  since the gateway started: 1000 out (3.0 MiB), 870 in, 3 sent again, 2 connections",
      "  dropped: loop 2, expired 5",
      "",
      "rule | direction | here | upstream | outage | priority | waiting | bytes | oldest | messages max | bytes max",
      "topics.0 | up | telemetry/# | site-7/telemetry/# | live-first | 4 | 120 | 12.3 KiB | 3 min 10 s | 100000 | 64.0 MiB",
      "topics.1 | down | from\\u{7}/command/+ | command/+",
      "",
    ]);
    expect((await ask(["bridge", "show", "backup"])).out.split("\n").slice(1, 5)).toEqual([
      "  upstream: mqtts://upstream.example:8883",
      "  client id: waypost-0123456789abcdef-cloud",
      "  next attempt: 2023-11-14T22:13:30.000Z",
      `  last error: connect ECONNREFUSED\\u{a}${"x".repeat(40)} (2023-11-14T22:13:20.000Z)`,
    ]);
    expect(JSON.parse((await ask(["bridges", "show", "cloud", "--json"])).out)).toEqual(busy);
    expect(await ask(["bridge", "show", "none"])).toEqual({
      code: 1,
      out: "",
      err: "waypost bridge show: there is no bridge none\n",
    });
  });

  it("takes a name that stands where a command should for a slip", async () => {
    const { ask } = await gateway();
    expect(await ask(["bridges", "cloud"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("is waypost bridges show cloud meant?"),
    });
  });

  it("removes one, and says what went with it", async () => {
    const { administration, ask } = await gateway();
    expect(await ask(["bridges", "remove", "old"])).toEqual({ code: 0, out: "removed the bridge old\n", err: "" });
    administration.answers.removeBridge = { messages: 12 };
    const forced = await ask(["bridges", "remove", "old", "--force"]);
    expect(forced.out).toBe("removed the bridge old; 12 messages went with it\n");
    expect(administration.calls).toEqual([
      ["removeBridge", "old", false],
      ["removeBridge", "old", true],
    ]);
    administration.failure = new WaypostError("ERR_CONFLICT", "the bridge old holds 12 messages: use force");
    expect(await ask(["bridges", "remove", "old"])).toEqual({
      code: 1,
      out: "",
      err: "waypost bridges remove: the bridge old holds 12 messages: use force\n",
    });
  });
});
