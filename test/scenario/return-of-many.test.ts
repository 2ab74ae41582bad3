import { expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const COUNT = 20_000;
const root = temporaryDirectory();

it.each(["lives on", "is restarted"])(
  `gives a device that returns its ${COUNT} messages in their order, and others their answers meanwhile: the gateway %s`,
  async (gateway) => {
    const before = await restarts(root, { mailboxes: { messagesMax: COUNT } });
    await awayDevice(before.port, "device", { t: 1 });
    const publisher = await RawClient.connected(before.port);
    const filler = "x".repeat(194);
    for (let n = 1; n <= COUNT; n++) {
      publisher.publish("t", `${n}`.padEnd(6) + filler, { qos: 1, messageId: n });
      if (n % 1000 === 0)
        for (let acknowledged = 0; acknowledged < 1000; acknowledged++) await publisher.next("puback");
    }
    const { port } = gateway === "lives on" ? before : await before.stopped();

    const bystander = await RawClient.connected(port, { clientId: "bystander" });
    const device = await RawClient.connected(port, { clientId: "device", clean: false });
    const outOfOrder: number[] = [];
    const answeredAfter: number[] = [];
    for (let n = 1; n <= COUNT; n++) {
      const { payload, messageId } = await device.message();
      if (Number(payload.slice(0, 6)) !== n) outOfOrder.push(n);
      if (n % 5000 === 100) void bystander.ping().then(() => answeredAfter.push(n));
      device.send({ cmd: "puback", messageId: messageId as number });
    }
    expect(outOfOrder).toEqual([]);
    expect(answeredAfter).toEqual([100, 5100, 10_100, 15_100]);
    await device.ping();
    expect(device.packets).toEqual([]);
  },
);
