import { once } from "node:events";
import { createServer } from "node:net";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { pub } from "../../src/client/pub.ts";
import { sub } from "../../src/client/sub.ts";
import { capturedContext } from "../command/captured-context.ts";
import { accepted, scriptedServer } from "./scripted-server.ts";

const host = "127.0.0.1";

describe("a gateway that is not there", () => {
  it("is named, with what to do", async () => {
    const port = await freePort();
    const { context } = capturedContext();
    const text = `cannot reach ${host}:${port}: nothing listens there; start a gateway with \`waypost start\``;
    await expect(pub({ host, port, topic: "a", message: "x" }, context)).rejects.toMatchObject({
      code: "ERR_UPSTREAM",
      message: expect.stringContaining(text),
    });
    await expect(sub({ host, port, topic: ["a"] }, context)).rejects.toMatchObject({
      message: expect.stringContaining(text),
    });
  });
});

describe("a gateway that refuses", () => {
  it("a connection gives its reason", async () => {
    const { port } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send({ cmd: "connack", returnCode: 5, sessionPresent: false });
    });
    const { context } = capturedContext();
    await expect(pub({ host, port, topic: "a", message: "x" }, context)).rejects.toMatchObject({
      code: "ERR_CONNECT_REFUSED",
      message: `${host}:${port} refused the connection: not authorized; check -i, -u, -P and -V`,
    });
  });

  it("a connection without a word is named", async () => {
    const { port } = await scriptedServer((_packet, _send, socket) => socket.end());
    const { context } = capturedContext();
    await expect(sub({ host, port, topic: ["a"] }, context)).rejects.toMatchObject({
      message: expect.stringContaining(`${host}:${port} closed the connection before it accepted the client`),
    });
  });

  it("one of several subscriptions ends sub with that filter's name", async () => {
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(accepted);
      if (packet.cmd !== "subscribe") return;
      const granted = packet.subscriptions.map(({ topic }) => (topic === "secret" ? 128 : 0));
      send({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
    });
    const { context, stderr } = capturedContext();
    await expect(sub({ host, port, topic: ["open", "secret"] }, context)).rejects.toMatchObject({
      message: `${host}:${port} refused the subscription to "secret": its log says why`,
    });
    expect(stderr.text).toBe("");
    expect(received.at(-1)?.cmd).toBe("disconnect");
  });

  it("to acknowledge and closes instead fails pub", async () => {
    const { port } = await scriptedServer((packet, send, socket) => {
      if (packet.cmd === "connect") send(accepted);
      if (packet.cmd === "publish") socket.destroy();
    });
    const { context } = capturedContext();
    await expect(pub({ host, port, topic: "a", message: "x", qos: "1" }, context)).rejects.toMatchObject({
      code: "ERR_UPSTREAM",
      message: expect.stringContaining("closed the connection"),
    });
  });
});

describe("pub", () => {
  it("with QoS 1 ends only after the acknowledgement, and says goodbye", async () => {
    let acknowledge = () => {};
    let published = () => {};
    const arrived = new Promise<void>((resolve) => {
      published = resolve;
    });
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(accepted);
      if (packet.cmd !== "publish") return;
      acknowledge = () => send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      published();
    });
    const { context } = capturedContext();
    const code = pub({ host, port, topic: "a", message: "x", qos: "1", retain: true }, context);
    await arrived;
    expect(received.at(-1)).toMatchObject({ cmd: "publish", topic: "a", qos: 1, retain: true });
    acknowledge();
    expect(await code).toBe(0);
    expect(received.map(({ cmd }) => cmd)).toEqual(["connect", "publish", "disconnect"]);
  });

  it("with -l sends at most 20 lines ahead of the acknowledgements and reads no further", async () => {
    let linesRead = 0;
    function* lines() {
      for (; linesRead < 5000; linesRead++) yield Buffer.from(`${linesRead}\n`);
    }
    const held: (() => void)[] = [];
    let release = () => {};
    const full = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isFlowing = false;
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(accepted);
      if (packet.cmd !== "publish") return;
      const acknowledge = () => send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      if (isFlowing) acknowledge();
      else if (held.push(acknowledge) === 20) release();
    });
    const { context } = capturedContext(lines());
    const code = pub({ host, port, topic: "a", stdinLine: true, qos: "1" }, context);
    await full;
    expect(held).toHaveLength(20);
    expect(linesRead).toBeLessThan(5000);
    isFlowing = true;
    for (const acknowledge of held) acknowledge();
    expect(await code).toBe(0);
    const payloads = received
      .filter(({ cmd }) => cmd === "publish")
      .map((packet) => String((packet as { payload: Buffer }).payload));
    expect(payloads).toEqual(Array.from({ length: 5000 }, (_, n) => String(n)));
  });

  it("ends with 130 at Ctrl-C while it waits, and says goodbye", async () => {
    const { context, signals } = capturedContext(new PassThrough());
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(accepted);
    });
    signals.on("newListener", (name) => {
      // By then pub is connected and waits for standard input.
      if (name === "SIGTERM") setImmediate(() => signals.emit("SIGINT", "SIGINT"));
    });
    expect(await pub({ host, port, topic: "a", stdinLine: true }, context)).toBe(130);
    expect(received.map(({ cmd }) => cmd)).toEqual(["connect", "disconnect"]);
  });
});

describe("sub", () => {
  it("takes a lost connection up again, also where the first attempt fails", async () => {
    let connections = 0;
    const { port } = await scriptedServer((packet, send, socket) => {
      if (packet.cmd === "connect") {
        connections += 1;
        if (connections === 2) socket.resetAndDestroy();
        else send(accepted);
      }
      if (packet.cmd !== "subscribe") return;
      send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [0] });
      if (connections === 1) socket.end();
      else send({ cmd: "publish", topic: "a", payload: "back", qos: 0, dup: false, retain: false });
    });
    const { context, stdout, stderr } = capturedContext();
    expect(await sub({ host, port, topic: ["a"], count: "1" }, context)).toBe(0);
    expect(stdout.text).toBe("back\n");
    expect(stderr.text).toBe(`waypost sub: ${host}:${port} closed the connection, trying again every second\n`);
    expect(connections).toBe(3);
  });
});

describe("both", () => {
  it("send what the options say", async () => {
    const { port, received } = await scriptedServer((packet, send) => {
      if (packet.cmd === "connect") send(accepted);
    });
    const { context } = capturedContext();
    const will = { willTopic: "w", willPayload: "gone", willQos: "1", willRetain: true };
    const flags = {
      host,
      port,
      topic: "a",
      message: "x",
      id: "me",
      username: "u",
      pw: "p",
      keepalive: "7",
      protocolVersion: "3.1",
      ...will,
    };
    expect(await pub(flags, context)).toBe(0);
    expect(received[0]).toMatchObject({
      cmd: "connect",
      protocolId: "MQIsdp",
      protocolVersion: 3,
      clientId: "me",
      username: "u",
      password: Buffer.from("p"),
      keepalive: 7,
      clean: true,
      will: { topic: "w", payload: Buffer.from("gone"), qos: 1, retain: true },
    });
  });
});

async function freePort(): Promise<string> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return String(typeof address === "object" ? address?.port : 0);
}
