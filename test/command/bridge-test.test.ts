import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { waypost } from "./gateway-to-ask.ts";

const root = temporaryDirectory();
const file = join(root, "waypost.yaml");

const bridges = `bridges:
  cloud:
    url: mqtt://upstream.example
    topics:
      - { filter: telemetry/#, remotePrefix: site-7/, exclude: [telemetry/noise/#] }
      - { filter: command/+, direction: down }
  backup: { url: mqtt://backup.example, topics: [{ filter: "#" }] }
`;

describe("waypost bridges test", () => {
  beforeAll(() => writeFile(file, bridges));
  const test = (...args: string[]) => waypost(["bridge", "test", ...args, "--config", file]);

  it("says what would happen to a topic, and asks no gateway", async () => {
    const { code, out, err } = await test("cloud", "telemetry/a/b");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain('it goes up as "site-7/telemetry/a/b", by topics.0 ');
    expect(out.endsWith("\n")).toBe(true);
    expect(await test("cloud", "command/x")).toMatchObject({
      code: 0,
      out: expect.stringContaining("it comes down as "),
    });
  });

  it("says why nothing would, and exits with 1", async () => {
    const { code, out } = await test("cloud", "telemetry/noise/x");
    expect({ code, out }).toEqual({ code: 1, out: expect.stringContaining('exclude "telemetry/noise/#"') });
    expect(await test("cloud", "other")).toMatchObject({ code: 1, err: "" });
    expect(await test("cloud", "a/#")).toMatchObject({ code: 1, out: expect.stringContaining("is no topic") });
    expect(await test("backup", "a", "--set", "bridges.backup.enabled=false")).toMatchObject({
      code: 1,
      out: expect.stringContaining("enabled"),
    });
  });

  it("says it in JSON too", async () => {
    const { code, out } = await test("cloud", "telemetry/a", "--json");
    expect({ code, explanation: JSON.parse(out) }).toMatchObject({
      code: 0,
      explanation: { bridge: "cloud", passes: true, up: { taken: { rule: 0, topic: "site-7/telemetry/a" } } },
    });
    expect(JSON.parse((await test("cloud", "other", "--json")).out)).toMatchObject({ passes: false });
  });

  it("names the bridges that there are where one is unknown", async () => {
    expect(await test("clout", "a")).toEqual({
      code: 2,
      out: "",
      err: 'waypost bridge test: there is no bridge "clout" in this configuration: there are cloud, backup\nTry waypost bridge test --help.\n',
    });
    expect(await waypost(["bridges", "test", "__proto__", "a"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("it has none (--config chooses another)"),
    });
  });

  it("says all that is wrong with the configuration", async () => {
    expect(await test("cloud", "a", "--set", "bridges.cloud.url=ftp://x")).toMatchObject({
      code: 3,
      err: expect.stringContaining("bridges.cloud.url"),
    });
  });
});
