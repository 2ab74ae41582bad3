import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCommandLine } from "../../src/command/run-command-line.ts";
import { capturedContext } from "../command/captured-context.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();

async function store(...args: string[]): Promise<void> {
  const { context, stderr } = capturedContext();
  const code = await runCommandLine(["store", ...args], context);
  expect({ code, err: stderr.text }).toEqual({ code: 0, err: "" });
}

async function gatewayAt(directory: string) {
  return startGateway({ store: { engine: "nedb", directory } });
}

describe("a backup of a running gateway, started elsewhere", () => {
  it("goes on with every QoS 2 handshake where it was, and delivers what waits exactly once [MQTT-4.3.3-1]", async () => {
    const [here, there, file] = [join(root, "here"), join(root, "there"), join(root, "backup.jsonl")];
    const { port } = await gatewayAt(here);
    const lamp = await RawClient.connected(port, { clientId: "lamp", clean: false });
    const button = await RawClient.connected(port, { clientId: "button", clean: false });
    await lamp.subscribe({ "house/#": 2 });
    const publishExactlyOnce = async (payload: string, messageId: number) => {
      button.publish("house/a", payload, { qos: 2, messageId });
      await button.next("pubrec");
    };
    await publishExactlyOnce("sent", 1);
    button.send({ cmd: "pubrel", messageId: 1 });
    const sent = await lamp.message();
    await publishExactlyOnce("released", 2);
    const released = await lamp.message();
    lamp.send({ cmd: "pubrec", messageId: released.messageId as number });
    await lamp.next("pubrel");
    await lamp.cut();
    await publishExactlyOnce("waits", 3);

    await store("export", file, "--directory", here);
    await store("import", file, "--directory", there);
    const restored = await gatewayAt(there);

    const button2 = await RawClient.connected(restored.port, { clientId: "button", clean: false });
    button2.publish("house/a", "waits", { qos: 2, messageId: 3, dup: true });
    await button2.next("pubrec");
    const lamp2 = await RawClient.connected(restored.port, { clientId: "lamp", clean: false });
    expect(lamp2.sessionPresent).toBe(true);
    expect(await lamp2.next("pubrel")).toMatchObject({ messageId: released.messageId });
    const again = await lamp2.message();
    expect(again).toMatchObject({ payload: "sent", dup: true, messageId: sent.messageId });
    expect(await lamp2.message()).toMatchObject({ payload: "waits", dup: false });
    await lamp2.ping();
    expect(lamp2.packets).toEqual([]);
  });
});
