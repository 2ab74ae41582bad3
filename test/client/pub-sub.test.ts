import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type PubFlags, pub } from "../../src/client/pub.ts";
import { type SubFlags, sub } from "../../src/client/sub.ts";
import { loadConfig } from "../../src/config/load.ts";
import { Gateway } from "../../src/gateway.ts";
import { silentLog } from "../../src/log.ts";
import { capturedContext } from "../command/captured-context.ts";

const overrides = ["listeners.mqtt.port=0", "listeners.web.port=0", "store.engine=memory"];
let gateway: Gateway;
let address: { host: string; port: string };
let webUrl: string;

beforeEach(async () => {
  gateway = new Gateway(loadConfig({ environment: {}, overrides }).config, { log: silentLog });
  await gateway.start();
  address = { host: "127.0.0.1", port: String(gateway.addresses.get("mqtt")?.port) };
  webUrl = `ws://127.0.0.1:${gateway.addresses.get("web")?.port}/mqtt`;
});

afterEach(() => gateway.stop());

/** Publishes, retained, so that a subscriber may come later: nothing here depends on who is first. */
function publish(flags: Partial<PubFlags>, input: Iterable<Buffer> = []): Promise<number> {
  return pub({ ...address, retain: true, ...flags }, capturedContext(input).context);
}

/** Subscribes and resolves, with what was printed, when sub ends. */
async function printed(flags: Partial<SubFlags>): Promise<{ code: number; text: string }> {
  const { context, stdout } = capturedContext();
  const code = await sub({ ...address, ...flags }, context);
  return { code, text: stdout.text };
}

describe("pub and sub", () => {
  it.each(["0", "1", "2"])("carry a message at QoS %s", async (qos) => {
    expect(await publish({ topic: "a", message: "hello", qos })).toBe(0);
    expect(await printed({ topic: ["a"], count: "1", qos })).toEqual({ code: 0, text: "hello\n" });
  });

  it.each(["3.1", "3.1.1", "5"])("speak MQTT %s", async (protocolVersion) => {
    await publish({ topic: "a", message: "hello", protocolVersion });
    expect(await printed({ topic: ["a"], count: "1", protocolVersion })).toMatchObject({ text: "hello\n" });
  });

  it("carry properties with -D, and show them with --properties", async () => {
    const words = ["publish", "content-type", "text/plain", "publish", "user-property", "a", "1"];
    const property = [...words, "publish", "user-property", "a", "-2", "publish", "message-expiry-interval", "60"];
    const version = { protocolVersion: "5", topic: "a", qos: "1" };
    expect(await publish({ ...version, message: "hello", property })).toBe(0);
    const numbered = { property: ["subscribe", "subscription-identifier", "7"], properties: true };
    const { text } = await printed({ ...version, ...numbered, topic: ["a"], count: "1", verbose: true });
    const [first, ...lines] = text.trimEnd().split("\n");
    expect(first).toBe("a hello");
    expect(lines.map((line) => line.replace(/^( {2}message-expiry-interval) (60|59|58)$/, "$1")).sort()).toEqual([
      '  content-type "text/plain"',
      "  message-expiry-interval",
      "  subscription-identifier 7",
      '  user-property "a" "-2"',
      '  user-property "a" "1"',
    ]);
  });

  it("give topics and payloads with topic aliases in both directions", async () => {
    const subscriber = { protocolVersion: "5", topic: ["start", "house/#"], count: "4", qos: "2", verbose: true };
    const { context, stdout } = capturedContext();
    const property = ["connect", "topic-alias-maximum", "5"];
    const ended = sub({ ...address, ...subscriber, property }, context);
    await publish({ topic: "start", message: "start" });
    if (stdout.text === "") await once(stdout, "captured");
    const lines = ["1\n", "2\n", "3\n"].map((line) => Buffer.from(line));
    const aliased = { protocolVersion: "5", property: ["publish", "topic-alias", "1"], retain: false };
    expect(await publish({ topic: "house/lamp", stdinLine: true, qos: "2", ...aliased }, lines)).toBe(0);
    expect(await ended).toBe(0);
    expect(stdout.text).toBe("start start\nhouse/lamp 1\nhouse/lamp 2\nhouse/lamp 3\n");
  });

  it("speak MQTT over WebSocket", async () => {
    const { context, stdout } = capturedContext();
    expect(await pub({ url: webUrl, topic: "a", message: "web", retain: true }, capturedContext().context)).toBe(0);
    expect(await sub({ url: webUrl, topic: ["a"], count: "1" }, context)).toBe(0);
    expect(stdout.text).toBe("web\n");
  });

  it("show topics with -v and (null) for an empty payload, as mosquitto_sub does", async () => {
    const { context, stdout } = capturedContext();
    const ended = sub({ ...address, topic: ["a/#", "b"], count: "2", verbose: true }, context);
    await publish({ topic: "b", message: "x" });
    const captured = stdout.text === "" ? once(stdout, "captured") : undefined;
    await captured;
    await publish({ topic: "a/c", nullMessage: true, retain: false });
    expect(await ended).toBe(0);
    expect(stdout.text).toBe("b x\na/c (null)\n");
  });

  it("do not change a byte of a payload", async () => {
    const payload = randomBytes(100_000);
    expect(await publish({ topic: "a", stdinFile: true }, [payload.subarray(0, 1), payload.subarray(1)])).toBe(0);
    const { context, stdout } = capturedContext();
    await sub({ ...address, topic: ["a"], count: "1" }, context);
    expect(Buffer.concat(stdout.chunks).equals(Buffer.concat([payload, Buffer.from("\n")]))).toBe(true);
  });
});

describe("sub", () => {
  it("prints the lines of pub -l in order, and a slow reader loses none", async () => {
    const lines = Array.from({ length: 500 }, (_, n) => `${n}\n`);
    const chunks: Buffer[] = [];
    let open = () => {};
    const first = new Promise<void>((resolve) => {
      open = resolve;
    });
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        open();
        setImmediate(done);
      },
    });
    const { context } = capturedContext();
    const flags = { ...address, topic: ["start", "lines"], qos: "1", count: "501" };
    const ended = sub(flags, { ...context, stdout: slow });
    await publish({ topic: "start", message: "start" });
    await first;
    await publish(
      { topic: "lines", stdinLine: true, qos: "1", retain: false },
      lines.map((line) => Buffer.from(line)),
    );
    expect(await ended).toBe(0);
    expect(Buffer.concat(chunks).toString()).toBe(`start\n${lines.join("")}`);
  });

  it("keeps its session with -c", async () => {
    const session = { id: "kept", disableCleanSession: true, qos: "1", topic: ["a"] };
    await publish({ topic: "a", message: "first", qos: "1" });
    expect(await printed({ ...session, count: "1" })).toMatchObject({ text: "first\n" });
    await publish({ topic: "a", message: "while away", qos: "1", retain: false });
    const { text } = await printed({ ...session, topic: ["other"], count: "1" });
    expect(text).toBe("while away\n");
  });

  it("keeps its session as long as -x says with MQTT 5, and no longer than its DISCONNECT says", async () => {
    const session = { id: "kept", disableCleanSession: true, qos: "1", topic: ["a"], protocolVersion: "5" };
    await publish({ topic: "a", message: "first", qos: "1" });
    expect(await printed({ ...session, sessionExpiryInterval: "600", count: "1" })).toMatchObject({ text: "first\n" });
    await publish({ topic: "a", message: "while away", qos: "1", retain: false });
    const property = ["disconnect", "session-expiry-interval", "0"];
    const { text } = await printed({
      ...session,
      sessionExpiryInterval: "600",
      topic: ["other"],
      count: "1",
      property,
    });
    expect(text).toBe("while away\n");
    await publish({ topic: "a", message: "to nobody", qos: "1", retain: false });
    await publish({ topic: "other", message: "there", qos: "1" });
    expect(await printed({ ...session, topic: ["other"], count: "1" })).toMatchObject({ text: "there\n" });
  });

  it("ends with 0 at Ctrl-C", async () => {
    await publish({ topic: "a", message: "x" });
    const { context, stdout, signals } = capturedContext();
    stdout.once("captured", () => signals.emit("SIGINT", "SIGINT"));
    expect(await sub({ ...address, topic: ["a"] }, context)).toBe(0);
  });

  it("ends with 27 when -W runs out", async () => {
    const { context, stderr } = capturedContext();
    expect(await sub({ ...address, topic: ["a"], timeout: "1" }, context)).toBe(27);
    expect(stderr.text).toBe("waypost sub: the time given with -W is over\n");
  });
});
