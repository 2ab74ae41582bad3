import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { blocked } from "../support/blocked.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { takeAll } from "../support/take-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
let directories = 0;

describe.each(["memory", "nedb"])("a publisher that flow control holds, engine %s", (engine) => {
  /** A device that is away and has no room, and a publisher that waits for it with message 2. */
  async function held(qos: 1 | 2, clock?: ManualClock) {
    const running = await startGateway(
      {
        store: { engine, directory: join(root, `${++directories}`) },
        mailboxes: { messagesMax: 1, whenFull: "flow-control" },
        sessions: { expirySecondsMax: 3600 },
      },
      clock,
    );
    const { port, gateway } = running;
    await awayDevice(port, "device", { "t/#": 2 });
    const bystander = await RawClient.connected(port, { clientId: "bystander" });
    await publishAcknowledged(bystander, "t/0", "1");
    const publisher = () => RawClient.connected(port, { clientId: "publisher", clean: false });
    const device = (clean = false) => RawClient.connected(port, { clientId: "device", clean });
    const waits = () => blocked(gateway, "publisher", bystander);
    const first = await publisher();
    first.publish("t/1", "2", { qos, messageId: 2 });
    await waits();
    return { ...running, bystander, first, publisher, device, waits };
  }

  it("may leave and come back: its QoS 1 message waits again, and is there when there is room", async () => {
    const { first, publisher, device, waits } = await held(1);
    await first.cut();
    const second = await publisher();
    second.publish("t/1", "2", { qos: 1, messageId: 2, dup: true });
    await waits();
    const receiver = await device();
    expect(await takeAll(receiver, 2)).toEqual(["1", "2"]);
    expect(await second.next("puback")).toMatchObject({ messageId: 2 });
    for (const again of await payloadsSoFar(receiver)) expect(again).toBe("2");
  });

  it("may leave and come back: its QoS 2 message is delivered once [MQTT-4.3.3-2]", async () => {
    const { first, publisher, device } = await held(2);
    await first.cut();
    const second = await publisher();
    second.publish("t/1", "2", { qos: 2, messageId: 2, dup: true });
    const receiver = await device();
    expect(await takeAll(receiver, 2)).toEqual(["1", "2"]);
    expect(await second.next("pubrec")).toMatchObject({ messageId: 2 });
    second.send({ cmd: "pubrel", messageId: 2 });
    await second.next("pubcomp");
    expect(await messagesSoFar(receiver)).toEqual([]);
  });

  it("may be replaced by another connection of its own while it waits, again and again", async () => {
    const { publisher, device } = await held(2);
    for (let times = 0; times < 5; times++) {
      (await publisher()).publish("t/1", "2", { qos: 2, messageId: 2, dup: true });
    }
    const receiver = await device();
    const last = await publisher();
    last.publish("t/1", "2", { qos: 2, messageId: 2, dup: true });
    expect(await takeAll(receiver, 2)).toEqual(["1", "2"]);
    await last.next("pubrec");
    expect(await messagesSoFar(receiver)).toEqual([]);
  });

  it.each([
    { qos: 1, answer: "puback" },
    { qos: 2, answer: "pubrec" },
  ] as const)("goes on when its receiver's session is discarded by a clean one: QoS $qos", async ({ qos, answer }) => {
    const { first, device } = await held(qos);
    const receiver = await device(true);
    expect(await first.next(answer)).toMatchObject({ messageId: 2 });
    expect(await messagesSoFar(receiver)).toEqual([]);
  });

  it.each([
    { qos: 1, answer: "puback" },
    { qos: 2, answer: "pubrec" },
  ] as const)("goes on when its receiver's session expires: QoS $qos", async ({ qos, answer }) => {
    const clock = new ManualClock();
    const { first, device } = await held(qos, clock);
    clock.advance(3600_000 + 61_000);
    expect(await first.next(answer)).toMatchObject({ messageId: 2 });
    expect((await device()).sessionPresent).toBe(false);
  });

  it("has not lost its message where its receiver crashes, and is held no longer", async () => {
    const { port, gateway, bystander } = await startGateway({
      store: { engine, directory: join(root, `${++directories}`) },
      mailboxes: { messagesMax: 1, whenFull: "flow-control" },
      sessions: { inFlightMax: 1 },
    }).then(async (running) => ({ ...running, bystander: await RawClient.connected(running.port) }));
    const receiver = await RawClient.connected(port, { clientId: "device", clean: false });
    await receiver.subscribe({ t: 1 });
    const publisher = await RawClient.connected(port, { clientId: "publisher" });
    for (const n of [1, 2, 3]) publisher.publish("t", `${n}`, { qos: 1, messageId: n });
    await blocked(gateway, "publisher", bystander);
    gateway.broker.once("ack", () => {
      throw new Error("a listener that crashes the device");
    });
    const { messageId } = await receiver.message();
    receiver.send({ cmd: "puback", messageId: messageId as number });
    await receiver.closed;
    for (const n of [1, 2, 3]) expect(await publisher.next("puback")).toMatchObject({ messageId: n });
    const again = await RawClient.connected(port, { clientId: "device", clean: false });
    expect(await takeAll(again, 2)).toEqual(["2", "3"]);
  });
});
