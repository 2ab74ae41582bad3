import { describe, expect, it } from "vitest";
import { house } from "../support/house.ts";
import { messagesSoFar, payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`);

describe("a mailbox that fills while its device is away", () => {
  async function awayWhileEightCome(whenFull: string) {
    const running = await house({ mailboxes: { messagesMax: 5, whenFull } });
    const first = await running.device();
    await first.subscribe({ a: 1 });
    await first.disconnect();
    for (const n of numbers(1, 8)) await publishAcknowledged(running.publisher, "a", n);
    return running;
  }

  it("keeps the oldest with reject-newest, and says so once", async () => {
    const { device, log } = await awayWhileEightCome("reject-newest");
    expect(await payloadsSoFar(await device())).toEqual(numbers(1, 5));
    expect(log.complaints).toHaveLength(1);
    expect(log.complaints[0]?.fields).toMatchObject({ reason: "mailbox-full", devices: ["device"] });
  });

  it("keeps the newest with remove-oldest, and says so once", async () => {
    const { device, log } = await awayWhileEightCome("remove-oldest");
    expect(await payloadsSoFar(await device())).toEqual(numbers(4, 8));
    expect(log.complaints).toHaveLength(1);
    expect(log.complaints[0]?.fields).toMatchObject({ reason: "mailbox-removed", devices: ["device"] });
  });

  it.each(["reject-newest", "remove-oldest"])(
    "leaves nothing in the store when all is settled: %s",
    async (whenFull) => {
      const { device, gateway } = await awayWhileEightCome(whenFull);
      const client = await device();
      for (const { messageId } of await messagesSoFar(client)) {
        client.send({ cmd: "puback", messageId: messageId as number });
      }
      await client.ping();
      expect(await gateway.broker.store.outgoingStream({ id: "device" }).toArray()).toEqual([]);
    },
  );

  it("is limited in bytes too", async () => {
    const { publisher, device } = await house({ mailboxes: { bytesMax: 10_000 } });
    const first = await device();
    await first.subscribe({ a: 1 });
    await first.disconnect();
    for (const size of [4000, 4000, 4000, 1]) await publishAcknowledged(publisher, "a", "x".repeat(size));
    expect((await payloadsSoFar(await device())).map(({ length }) => length)).toEqual([4000, 4000, 1]);
  });

  it("does not touch what is in flight", async () => {
    const { publisher, device } = await house({ mailboxes: { messagesMax: 2 }, sessions: { inFlightMax: 3 } });
    const first = await device();
    await first.subscribe({ a: 1 });
    for (const n of numbers(1, 9)) await publishAcknowledged(publisher, "a", n);
    await first.cut();
    const second = await device();
    for (const n of numbers(1, 3)) expect(await second.message()).toMatchObject({ payload: n, dup: true });
    for (const { messageId } of await messagesSoFar(second)) expect(messageId).toBeUndefined();
    expect(await messagesSoFar(second)).toEqual([]);
  });
});
