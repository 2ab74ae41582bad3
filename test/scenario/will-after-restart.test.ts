import { describe, expect, it, onTestFinished } from "vitest";
import { Gateway } from "../../src/gateway.ts";
import { awayDevice } from "../support/away-device.ts";
import { LogRecorder } from "../support/log-recorder.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const will = (text: string, changes: object = {}) => {
  return { topic: "will/1", payload: Buffer.from(text), qos: 1 as const, retain: false, ...changes };
};
const watcher = (port: number) => RawClient.connected(port, { clientId: "watcher", clean: false });

/** A gateway with a session that waits for wills; its device is away. */
async function house() {
  const running = await restarts(root);
  await awayDevice(running.port, "watcher", { "will/#": 1 });
  const connect = (clientId: string, more: object) => RawClient.connected(running.port, { clientId, ...more });
  return { ...running, connect };
}

describe("the will of a device that was connected when the gateway was killed", () => {
  it.each([true, false])("is published at the next start, and not at the one after: clean %s", async (clean) => {
    const before = await house();
    await before.connect("device", { clean, will: will("gone") });
    const after = await before.killed();
    expect(after.log.lines.map(({ text }) => text)).toContainEqual(expect.stringMatching(/published the will/));
    const last = await after.stopped();
    expect(await payloadsSoFar(await watcher(last.port))).toEqual(["gone"]);
  });

  it("is retained, where it is to be", async () => {
    const before = await house();
    await before.connect("device", { will: will("gone", { retain: true }) });
    const { port } = await before.killed();
    const reader = await RawClient.connected(port);
    await reader.subscribe({ "will/#": 0 });
    expect(await messagesSoFar(reader)).toMatchObject([{ payload: "gone", retain: true }]);
  });

  it("is not published where the device had left, or come back without one", async () => {
    const before = await house();
    await (await before.connect("left", { will: will("left") })).disconnect();
    await (await before.connect("back", { clean: false, will: will("back") })).disconnect();
    await before.connect("back", { clean: false });
    const { port } = await before.killed();
    expect(await payloadsSoFar(await watcher(port))).toEqual([]);
  });

  it("was published, and is not again, where its connection was lost before", async () => {
    const before = await house();
    await (await before.connect("device", { will: will("lost") })).cut();
    const eye = await watcher(before.port);
    const { messageId } = await eye.message();
    eye.send({ cmd: "puback", messageId: messageId as number });
    await eye.disconnect();
    const after = await before.killed();
    expect(after.log.lines.map(({ text }) => text).filter((text) => text.includes("will"))).toEqual([]);
  });

  it("is asked for by authorizePublish, which may refuse or change it", async () => {
    const before = await house();
    await before.connect("good", { will: will("good") });
    await before.connect("bad", { will: will("bad") });
    const directory = await before.remains();
    const log = new LogRecorder();
    const gateway = new Gateway(testConfig({ store: { engine: "nedb", directory } }), { log });
    const asked: unknown[] = [];
    gateway.broker.authorizePublish = (client, packet, done) => {
      asked.push(client?.id);
      packet.payload = Buffer.from(`${packet.payload}, changed`);
      done(client?.id === "bad" ? new Error("no wills of bad devices") : null);
    };
    await gateway.start();
    onTestFinished(() => gateway.stop());
    expect(asked.sort()).toEqual(["bad", "good"]);
    expect(log.complaints).toMatchObject([{ fields: { device: "bad", topic: "will/1" } }]);
    const port = gateway.addresses.get("mqtt")?.port ?? 0;
    expect(await payloadsSoFar(await watcher(port))).toEqual(["good, changed"]);
  });
});

describe("the will of a device that was connected when the gateway was stopped", () => {
  it("is published then, waits for those who are away, and is not published again", async () => {
    const before = await house();
    await before.connect("device", { will: will("stopped") });
    await (await before.connect("left", { will: will("left") })).disconnect();
    const after = await before.stopped();
    expect(after.log.lines.map(({ text }) => text).filter((text) => text.includes("will"))).toEqual([]);
    const last = await after.stopped();
    expect(await payloadsSoFar(await watcher(last.port))).toEqual(["stopped"]);
  });
});
