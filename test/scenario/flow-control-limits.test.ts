import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { blocked } from "../support/blocked.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { takeAll } from "../support/take-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
let directories = 0;
const telemetry = { topics: ["telemetry/#"], messagesMax: 2, whenFull: "flow-control" };
const limits = {
  class: { mailboxes: { classes: [telemetry] } },
  store: { mailboxes: { whenFull: "flow-control" }, store: { messagesMax: 2 } },
};

describe.each(["memory", "nedb"])("flow control beyond one mailbox, engine %s", (engine) => {
  /** Two devices that are away: `one` has as much waiting as all may have, `other` has nothing. */
  async function full(limit: keyof typeof limits) {
    const clock = new ManualClock();
    const { mailboxes, ...more } = { store: {}, ...limits[limit] };
    const store = { engine, directory: join(root, `${++directories}`), ...more.store };
    const running = await startGateway({ store, mailboxes }, clock);
    const { port, gateway } = running;
    await awayDevice(port, "one", { "telemetry/1": 2 });
    await awayDevice(port, "other", { "telemetry/2": 2, "alarm/#": 1 });
    const bystander = await RawClient.connected(port, { clientId: "bystander" });
    for (const text of ["1", "2"]) await publishAcknowledged(bystander, "telemetry/1", text);
    const publisher = await RawClient.connected(port, { clientId: "publisher", clean: false });
    const waits = () => blocked(gateway, "publisher", bystander);
    const device = (clientId: string) => RawClient.connected(port, { clientId, clean: false });
    return { ...running, clock, bystander, publisher, waits, device };
  }

  it.each([
    { limit: "class", qos: 1, answer: "puback" },
    { limit: "class", qos: 2, answer: "pubrec" },
    { limit: "store", qos: 1, answer: "puback" },
    { limit: "store", qos: 2, answer: "pubrec" },
  ] as const)(
    "waits for room in the $limit at QoS $qos, which another device makes",
    async ({ limit, qos, answer }) => {
      const { port, clock, publisher, waits, device } = await full(limit);
      publisher.publish("telemetry/2", "3", { qos, messageId: 3 });
      await waits();
      clock.advance(5000);
      await awayDevice(port, "nobody", { nothing: 1 }); // its SUBACK comes after a commit
      expect(publisher.packets).toEqual([]);

      expect(await takeAll(await device("one"), 2)).toEqual(["1", "2"]);
      clock.advance(1000); // somebody else's room is looked for each second
      expect(await publisher.next(answer)).toMatchObject({ messageId: 3 });
      expect(await payloadsSoFar(await device("other"))).toEqual(["3"]);
    },
  );

  it("waits for a full class only with messages of that class", async () => {
    const { bystander, publisher, waits, device } = await full("class");
    publisher.publish("telemetry/2", "3", { qos: 1, messageId: 3 });
    await waits();
    await publishAcknowledged(bystander, "alarm/1", "fire");
    expect(publisher.packets).toEqual([]);
    expect((await payloadsSoFar(await device("other")))[0]).toBe("fire");
  });

  it.each(["class", "store"] as const)(
    "does not have a device wait for room in the %s that only it can make",
    async (limit) => {
      const { gateway, clock, bystander, publisher, waits, device, log } = await full(limit);
      const one = await device("one");
      one.publish("telemetry/2", "3", { qos: 1, messageId: 3 });
      await blocked(gateway, "one", bystander);
      clock.advance(1000);
      publisher.publish("telemetry/2", "4", { qos: 1, messageId: 4 });
      await waits();
      expect(await one.next("puback")).toMatchObject({ messageId: 3 });
      expect(log.complaints.map(({ fields }) => fields.reason)).toEqual([`${limit}-full`]);
      expect(await takeAll(one, 2)).toEqual(["1", "2"]);
      clock.advance(1000);
      expect(await publisher.next("puback")).toMatchObject({ messageId: 4 });
    },
  );

  it("delivers at once what comes in at last, also to a device that is connected and has nothing else to do", async () => {
    const { port, gateway } = await startGateway({
      store: { engine, directory: join(root, `${++directories}`) },
      mailboxes: { classes: [{ ...telemetry, messagesMax: 1 }] },
      sessions: { inFlightMax: 1 },
    });
    await awayDevice(port, "one", { "telemetry/1": 1 });
    const other = await RawClient.connected(port, { clientId: "other", clean: false });
    await other.subscribe({ "telemetry/2": 1, plain: 1 });
    const bystander = await RawClient.connected(port, { clientId: "bystander" });
    await publishAcknowledged(bystander, "telemetry/1", "fills the class");
    await publishAcknowledged(bystander, "plain", "fills the window");
    const publisher = await RawClient.connected(port, { clientId: "publisher" });
    publisher.publish("telemetry/2", "waits", { qos: 1, messageId: 2 });
    await blocked(gateway, "publisher", bystander);
    expect(await takeAll(other, 1)).toEqual(["fills the window"]);
    expect(await takeAll(await RawClient.connected(port, { clientId: "one", clean: false }), 1)).toHaveLength(1);
    expect(await takeAll(other, 1)).toEqual(["waits"]);
    await publisher.next("puback");
  });
});
