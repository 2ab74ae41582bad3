import { cpSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Gateway } from "../../src/gateway.ts";
import { restarts } from "../support/restarts.ts";
import { startGateway, testConfig } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const numbers = (count: number, from = 1) => Array.from({ length: count }, (_, i) => i + from);

/** Publishes at QoS 2 under these packet ids, one after another, and releases none. */
async function unreleased(publisher: Device5, packetIds: number[]): Promise<number[]> {
  const codes: number[] = [];
  for (const packetId of packetIds) {
    publisher.publish("t", `${packetId}`, { qos: 2, packetId });
    codes.push(await publisher.answer("pubrec", packetId));
  }
  return codes;
}

/** Copies what a kill would leave behind as soon as the store has taken up the next receipt, before anyone is told. */
function copiedAtReceipt({ broker: { store } }: Gateway, directory: string, copy: string): Promise<void> {
  const note = store.incomingStorePacket.bind(store);
  return new Promise((resolve) => {
    store.incomingStorePacket = (...receipt) => {
      const noted = note(...receipt);
      noted.then(() => {
        cpSync(directory, copy, { recursive: true, filter: (path) => !path.endsWith(".sock") });
        resolve();
      });
      return noted;
    };
  });
}

describe("the gateway's receive maximum", () => {
  it("is not widened by a PUBREL for a packet id that is not in use [MQTT-3.3.4-7]", async () => {
    const { port } = await startGateway({ sessions: { inboundInFlightMax: 3 } });
    const publisher = await Device5.connect(port, "publisher");
    await unreleased(publisher, numbers(3));
    for (const messageId of numbers(3, 101)) {
      publisher.send({ cmd: "pubrel", messageId });
      expect(await publisher.answer("pubcomp", messageId)).toBe(0x92);
    }
    publisher.publish("t", "x", { qos: 2, packetId: 4 });
    expect(await publisher.sentAway()).toBe(0x93);
  });

  it("is not widened by a PUBREL that comes twice [MQTT-3.3.4-7]", async () => {
    const { port } = await startGateway({ sessions: { inboundInFlightMax: 3 } });
    const publisher = await Device5.connect(port, "publisher");
    await unreleased(publisher, numbers(3));
    for (const code of [0, 0x92]) {
      publisher.send({ cmd: "pubrel", messageId: 1 });
      expect(await publisher.answer("pubcomp", 1)).toBe(code);
    }
    await unreleased(publisher, [4]);
    publisher.publish("t", "x", { qos: 2, packetId: 5 });
    expect(await publisher.sentAway()).toBe(0x93);
  });

  it("is the one that the CONNACK named for as long as the connection lasts, whatever is configured since", async () => {
    const { gateway, port } = await startGateway({ sessions: { inboundInFlightMax: 5 } });
    const before = await Device5.connect(port, "before");
    await gateway.reconfigure(testConfig({ sessions: { inboundInFlightMax: 2 } }));
    const codes = await unreleased(before, numbers(5));
    expect(codes).toEqual([0x10, 0x10, 0x10, 0x10, 0x10]);
    before.publish("t", "x", { qos: 2, packetId: 6 });
    expect(await before.sentAway()).toBe(0x93);
    const after = await Device5.connect(port, "after");
    expect(after.connack?.properties?.receiveMaximum).toBe(2);
  });
});

describe("a QoS 2 message that is refused for want of room", () => {
  it("leaves nothing on the disk: its packet id is that of another message after a kill too [MQTT-4.3.3-9]", async () => {
    const { gateway, port, directory } = await restarts(root, { mailboxes: { messagesMax: 1 } });
    const choices = { livesSeconds, clean: false };
    const away = await Device5.connect(port, "away", choices);
    await away.subscribe({ t: 2 });
    await away.disconnect();
    const publisher = await Device5.connect(port, "publisher", choices);
    expect(await publisher.publishWhole("t", "first", { qos: 2 })).toBe(0);
    const copy = join(root, "at the PUBREC");
    const isCopied = copiedAtReceipt(gateway, directory, copy);
    publisher.publish("t", "refused", { qos: 2, packetId: 7 });
    expect(await publisher.answer("pubrec", 7)).toBe(0x97);
    await isCopied;
    const store = { engine: "nedb", directory: copy };
    const next = await startGateway({ mailboxes: { messagesMax: 1 }, store });
    const back = await Device5.connect(next.port, "away", choices);
    expect((await back.take()).payload).toBe("first");
    await back.ping();
    const again = await Device5.connect(next.port, "publisher", choices);
    expect(again.sessionPresent).toBe(true);
    expect(await again.publishWhole("t", "another", { qos: 2, packetId: 7 })).toBe(0);
    expect((await back.take()).payload).toBe("another");
  });
});
