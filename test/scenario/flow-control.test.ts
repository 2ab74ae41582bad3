import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { blocked } from "../support/blocked.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { packetIds } from "../support/packet-ids.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { takeAll } from "../support/take-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
let directories = 0;
const back = { clientId: "device", clean: false };

describe.each(["memory", "nedb"])("flow control, engine %s", (engine) => {
  /** A device that is away with two messages waiting, which is all that it may have, and somebody who looks on. */
  async function full(clock?: ManualClock) {
    const store = { engine, directory: join(root, `${++directories}`) };
    const mailboxes = { messagesMax: 2, whenFull: "flow-control" };
    const running = await startGateway({ store, mailboxes }, clock);
    const { port, gateway } = running;
    await awayDevice(port, "device", { "t/#": 2 });
    const bystander = await RawClient.connected(port, { clientId: "bystander" });
    for (const text of ["1", "2"]) await publishAcknowledged(bystander, "t/0", text);
    const publisher = await RawClient.connected(port, { clientId: "publisher", clean: false, keepalive: 10 });
    const waits = () => blocked(gateway, "publisher", bystander);
    return { ...running, bystander, publisher, waits };
  }

  it.each([
    { qos: 1, answer: "puback" },
    { qos: 2, answer: "pubrec" },
  ] as const)("keeps back the answer at QoS $qos and reads no further, until the device returns", async (given) => {
    const { port, publisher, waits } = await full();
    publisher.publish("t/1", "3", { qos: given.qos, messageId: 3 });
    publisher.publish("t/1", "4", { qos: given.qos, messageId: 4 });
    publisher.send({ cmd: "pingreq" });
    await waits();
    expect(publisher.packets).toEqual([]);

    const device = await RawClient.connected(port, back);
    expect(await takeAll(device, 4)).toEqual(["1", "2", "3", "4"]);
    await publisher.next("pingresp");
    for (const messageId of [3, 4]) expect(await publisher.next(given.answer)).toMatchObject({ messageId });
  });

  it("goes on as the device reads, in the order of the messages, and loses none", async () => {
    const { port, publisher } = await full();
    for (let n = 3; n <= 400; n++) publisher.publish("t/1", `${n}`, { qos: 1, messageId: n });
    const device = await RawClient.connected(port, back);
    const numbers = Array.from({ length: 400 }, (_, i) => i + 1);
    expect(await takeAll(device, 400)).toEqual(numbers.map(String));
    await publisher.ping();
    expect(packetIds(publisher, "puback")).toEqual(numbers.slice(2));
  });

  it("holds up neither other publishers nor other receivers of the same message", async () => {
    const { port, publisher, bystander, waits } = await full();
    await awayDevice(port, "roomy", { "other/#": 1 });
    await bystander.subscribe({ "t/1": 1 });
    publisher.publish("t/1", "for both", { qos: 1, messageId: 3 });
    await waits();
    expect(await bystander.message()).toMatchObject({ payload: "for both" });
    await publishAcknowledged(bystander, "other/1", "goes on");
    const roomy = await RawClient.connected(port, { clientId: "roomy", clean: false });
    expect(await payloadsSoFar(roomy)).toEqual(["goes on"]);
    expect(publisher.packets).toEqual([]);
  });

  it("holds each of several publishers, and lets them go on in the order in which they came", async () => {
    const { port, gateway, publisher, bystander, waits } = await full();
    publisher.publish("t/1", "3", { qos: 1, messageId: 3 });
    await waits();
    const second = await RawClient.connected(port, { clientId: "second" });
    second.publish("t/2", "4", { qos: 1, messageId: 4 });
    await blocked(gateway, "second", bystander);
    const device = await RawClient.connected(port, back);
    expect(await takeAll(device, 4)).toEqual(["1", "2", "3", "4"]);
    await publisher.next("puback");
    await second.next("puback");
  });

  it("does not hold a publisher of QoS 0, whom nobody would make wait", async () => {
    const { publisher } = await full();
    publisher.publish("t/1", "not kept for who is away");
    await publisher.ping();
  });

  it("refuses what will never fit, and does not make its publisher wait for ever", async () => {
    const { port, log } = await startGateway({ mailboxes: { bytesMax: 1000, whenFull: "flow-control" } });
    await awayDevice(port, "device", { "t/#": 1 });
    const publisher = await RawClient.connected(port);
    await publishAcknowledged(publisher, "t/1", "x".repeat(2000));
    expect(log.complaints.map(({ fields }) => fields.reason)).toEqual(["mailbox-full"]);
  });

  it("does not take a publisher that has to wait for one that is gone [MQTT-3.1.2-24]", async () => {
    const clock = new ManualClock();
    const { port, publisher, waits } = await full(clock);
    publisher.publish("t/1", "3", { qos: 1, messageId: 3 });
    await waits();
    clock.advance(100_000);
    const device = await RawClient.connected(port, back);
    expect(await takeAll(device, 3)).toEqual(["1", "2", "3"]);
    expect(await publisher.next("puback")).toMatchObject({ messageId: 3 });
    clock.advance(17_000);
    await publisher.closed;
  });
});
