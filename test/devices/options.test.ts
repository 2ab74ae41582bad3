import { describe, expect, it } from "vitest";
import { FleetError } from "../../devices/fleet-error.ts";
import { parseOptions } from "../../devices/options.ts";
import { scenarios } from "../../devices/scenario/scenarios.ts";
import { troubleKinds } from "../../devices/uplink/trouble.ts";

const parse = (line: string) => parseOptions(line.split(" ").filter((word) => word !== ""));

describe("the options of the simulated devices", () => {
  it("have defaults that fit a gateway on this machine", () => {
    expect(parse("broadcast")).toMatchObject({
      scenario: { name: "broadcast" },
      devices: 200,
      seconds: 10,
      protocol: "3.1.1",
      seed: 1,
      prefix: "devices",
      gateway: { url: "mqtt://127.0.0.1:1883", wsUrl: "ws://127.0.0.1:8083/mqtt" },
      withGateway: false,
      kills: 0,
      alias: undefined,
      permitQos0Loss: false,
      lateSeconds: 5,
      jsonFile: undefined,
      quiet: false,
    });
  });

  it("can all be given", () => {
    const flags = "--devices 20 --seconds 2.5 --seed 7 --prefix a/b --url mqtts://h:8883 --ws-url wss://h/mqtt";
    const more = "--username u --password p --permit-qos0-loss --late-seconds 9 --json r.json --quiet";
    expect(parse(`broadcast ${flags} ${more}`)).toMatchObject({
      devices: 20,
      seconds: 2.5,
      seed: 7,
      prefix: "a/b",
      gateway: { url: "mqtts://h:8883", wsUrl: "wss://h/mqtt", username: "u", password: "p" },
      permitQos0Loss: true,
      lateSeconds: 9,
      jsonFile: "r.json",
      quiet: true,
    });
    expect(parse("broadcast --with-gateway")).toMatchObject({ withGateway: true });
  });

  it("let a scenario choose what is late, and kill a gateway of its own", () => {
    expect(parse("offline --with-gateway --kills 7")).toMatchObject({ kills: 7, lateSeconds: 30 });
    expect(parse("offline --late-seconds 2")).toMatchObject({ lateSeconds: 2 });
  });

  it.each(["3.1.1", "5", "mixed"])("let the devices speak MQTT %s", (protocol) => {
    expect(parse(`offline --protocol ${protocol}`)).toMatchObject({ protocol });
  });

  it.each(["queue", "multicast", "request", "chaos"])("mix the versions in %s", (name) => {
    expect(parse(`${name} --with-gateway`)).toMatchObject({ protocol: "mixed" });
  });

  it("play all scenarios, small, and kill the gateway where that is possible", () => {
    const options = parse("all --with-gateway --kills 2 --json r.json");
    if (!("all" in options)) throw options;
    expect(options).toMatchObject({ jsonFile: "r.json", quiet: false });
    expect(options.all.map(({ scenario }) => scenario.name)).toEqual([...scenarios.keys()]);
    for (const { scenario, devices, seconds, kills } of options.all) {
      expect({ devices, seconds }).toEqual(scenario.small);
      expect(kills).toBe(scenario.enduring ? 2 : 0);
    }
  });

  it("spoil the line to a cloud, more often the longer they live", () => {
    const all = troubleKinds;
    const short = { cuts: 2, troubles: all, cloud: undefined, lateSeconds: 30 };
    expect(parse("uplink --with-gateway")).toMatchObject(short);
    expect(parse("uplink --with-gateway --seconds 600")).toMatchObject({ cuts: 60 });
    const chosen = "--cuts 7 --kills 2 --cloud waypost --troubles cut,muted";
    const some = { cuts: 7, kills: 2, cloud: "waypost", troubles: ["cut", "muted"] };
    expect(parse(`uplink --with-gateway ${chosen}`)).toMatchObject(some);
  });

  it("leave the scenario with a cloud out where they all use a gateway that is there", () => {
    const options = parse("all --run house");
    if (!("all" in options)) throw options;
    expect(options.all.map(({ scenario }) => scenario.name)).not.toContain("uplink");
  });

  it("print what the gateway must have, for a run with a name", () => {
    expect(parse("queue --run house --print-config --prefix a/b")).toEqual({
      help: [
        "queues:",
        '  "house-jobs":',
        "    consumerWindow: 5",
        "    deliveriesMax: 0",
        '    topics: ["a/b/house/+/job","a/b/house/+/batch"]',
        "    settleTimeoutSeconds: 3",
        '  "house-keyed":',
        "    consumerWindow: 5",
        "    deliveriesMax: 0",
        '    topics: ["a/b/house/+/keyed/+"]',
        "    settleTimeoutSeconds: 60",
        "    dispatch: by-key",
        "    keyTopicLevel: 6",
        "",
      ].join("\n"),
    });
  });

  it("explain themselves", () => {
    expect(parse("--help")).toEqual({ help: expect.stringContaining("broadcast") });
  });

  it.each([
    ["", /scenario/],
    ["dance", /no scenario "dance"; scenarios are: broadcast/],
    ["broadcast more", /too many arguments/],
    ["broadcast --loud", /unknown option '--loud'/],
    ["broadcast --devices 9", /--devices 10 or more/],
    ["broadcast --devices 1e3", /whole number/],
    ["broadcast --devices 10001", /whole number/],
    ["broadcast --devices", /argument missing/],
    ["offline --devices 3", /--devices 4 or more/],
    ["offline --kills 3", /--kills needs --with-gateway/],
    ["broadcast --kills 3 --with-gateway", /--kills cannot be used with broadcast/],
    ["offline --kills -1 --with-gateway", /whole number/],
    ["broadcast --seconds 0", /seconds/],
    ["broadcast --protocol 4", /3\.1\.1, 5, mixed/],
    ["broadcast --seconds -1", /seconds/],
    ["broadcast --seed x", /whole number/],
    ["broadcast --prefix a/#", /wildcards/],
    ["broadcast --prefix $SYS", /wildcards/],
    ["broadcast --prefix a/", /ends/],
    ["broadcast --url ws://127.0.0.1:1883", /must begin with mqtt:\/\//],
    ["broadcast --url 127.0.0.1:1883", /must begin with mqtt:\/\//],
    ["broadcast --ws-url mqtt://127.0.0.1", /must begin with ws:\/\//],
    ["broadcast --with-gateway --url mqtt://127.0.0.1", /cannot be used with/],
    ["broadcast --password p", /--username/],
    ["queue", /queue needs queues or groups.*--with-gateway.*--run NAME.*--print-config/],
    ["queue --run a-b", /small letters/],
    ["queue --run abcdefghi", /small letters/],
    ["queue --with-gateway --print-config", /--print-config needs --run/],
    ["uplink", /uplink needs --with-gateway/],
    ["uplink --with-gateway --cuts many", /whole number/],
    ["uplink --with-gateway --troubles rain", /some of cut,refused/],
    ["uplink --with-gateway --cloud aedes", /mosquitto, waypost/],
    ["offline --cuts 3", /--cuts, --troubles and --cloud cannot be used with offline/],
    ["offline --with-gateway --cuts 0", /cannot be used with offline/],
    ["all", /needs queues or groups/],
    ["all --with-gateway --devices 8", /broadcast needs --devices 10 or more/],
  ])("are refused with one clear line: devices %s", (line, message) => {
    expect(() => parse(line)).toThrow(expect.objectContaining({ code: "ERR_USAGE" }));
    expect(() => parse(line)).toThrow(message);
    expect(() => parse(line)).toThrow(/^[^\n]*$/);
    expect(() => parse(line)).toThrow(FleetError);
  });
});
