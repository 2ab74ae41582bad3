import { describe, expect, it } from "vitest";
import { runCommandLine } from "../src/command/run-command-line.ts";
import { capturedContext } from "./command/captured-context.ts";
import { configFile } from "./config/config-file.ts";

async function waypost(args: string[], environment: Record<string, string> = {}) {
  const { context, stdout, stderr } = capturedContext();
  const code = await runCommandLine(args, { ...context, environment });
  return { code, out: stdout.text, err: stderr.text };
}

describe("waypost", () => {
  it("prints its version and its help", async () => {
    expect(await waypost(["--version"])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await waypost(["--help"])).toMatchObject({ code: 0, out: expect.stringContaining("Exit codes:") });
    expect(await waypost(["sub", "--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("-h, --host <host>"),
    });
  });

  it.each([
    [[], "Usage: waypost"],
    [["bogus"], "unknown command 'bogus'"],
    [["start", "--bogus"], "unknown option '--bogus'"],
    [["check", "file.yaml"], "too many arguments"],
    [["check", "--config"], "argument missing"],
    [["sub", "-t"], "argument missing"],
  ])("%j is wrong usage", async (args, text) => {
    expect(await waypost(args)).toMatchObject({ code: 2, out: "", err: expect.stringContaining(text) });
  });
});

describe("waypost check", () => {
  it("says OK and what the configuration amounts to", async () => {
    const { code, out, err } = await waypost(["check", "--set", "listeners.web.enabled=false"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(
      /^OK\n {2}gateway waypost, configured by defaults\n {2}listener mqtt: tcp on 127\.0\.0\.1 port 1883\n {2}listener web: off\n/,
    );
  });

  it("lists all mistakes on stderr and exits with 3", async () => {
    const file = configFile("log:\n  level: loud\nzebra: 1\n");
    const { code, out, err } = await waypost(["check", "-c", file]);
    expect({ code, out }).toEqual({ code: 3, out: "" });
    expect(err.trimEnd().split("\n")).toEqual([
      expect.stringContaining(`${file}:2:10 log.level must be`),
      expect.stringContaining(`${file}:3:1 zebra is no known key`),
    ]);
  });

  it("takes the file of WAYPOST_CONFIG, and --config before it", async () => {
    const environment = { WAYPOST_CONFIG: configFile("gateway: { name: porch }") };
    expect((await waypost(["check"], environment)).out).toContain("gateway porch");
    expect((await waypost(["check", "-c", configFile("")], environment)).out).toContain("gateway waypost");
  });

  it("says which file does not exist", async () => {
    const { code, err } = await waypost(["check", "--config", "no-such.yaml"]);
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining("no-such.yaml does not exist") });
  });
});

describe("waypost start", () => {
  it("with a wrong configuration lists the mistakes and exits with 3", async () => {
    const { code, err } = await waypost(["start", "--set", "log.level=loud"]);
    expect({ code, err }).toEqual({ code: 3, err: expect.stringContaining("--set log.level must be one of") });
  });
});

describe("waypost pub and sub", () => {
  it.each([
    [["pub", "-t", "a", "-m", "x", "-q", "3"], "-q is a QoS, 0, 1 or 2, not 3"],
    [["pub", "-m", "x"], "-t is missing"],
    [["pub", "-t", "", "-m", "x"], 'waypost pub: -t "" is no topic to publish to: it is empty'],
    [["pub", "-t", "a/#", "-m", "x"], "it contains a wildcard"],
    [["pub", "-t", "a"], "no message"],
    [["pub", "-t", "a", "-m", "x", "-l"], "only one of"],
    [["pub", "-t", "a", "-m", "", "-n"], "only one of"],
    [["pub", "-t", "a", "-f", "/no/such/file"], "-f /no/such/file cannot be read"],
    [["pub", "-t", "a", "-m", "x", "-p", "70000"], "-p is a whole number from 1 to 65535, not 70000"],
    [["pub", "-t", "a", "-m", "x", "-V", "4"], "-V is an MQTT version"],
    [["pub", "-t", "a", "-m", "x", "-P", "secret"], "-P needs a user name"],
    [["pub", "-t", "a", "-m", "x", "--will-retain"], "a will needs --will-topic"],
    [["pub", "-t", "a", "-m", "x", "--will-topic", "+"], "--will-topic"],
    [["pub", "-t", "a", "-m", "x", "-L", "http://x"], "-L is an address"],
    [["pub", "-t", "a", "-m", "x", "-L", "mqtt://x", "-p", "1"], "leave out -h and -p"],
    [["sub"], "-t is missing"],
    [["sub", "-t", "a", "-t", "b/#/c"], '-t "b/#/c" is no topic filter'],
    [["sub", "-t", "a", "-c"], "-c needs a client id"],
    [["sub", "-t", "a", "-C", "0"], "-C is a whole number"],
    [["sub", "-t", "a", "-W", "1.5"], "-W is a whole number"],
    [["sub", "-t", "a", "-k", "-1"], "-k is a whole number"],
  ])("%j is wrong usage", async (args, text) => {
    const { code, out, err } = await waypost(args);
    expect({ code, out, err }).toEqual({ code: 2, out: "", err: expect.stringContaining(text) });
    expect(err.trimEnd().split("\n")).toHaveLength(2);
  });
});
