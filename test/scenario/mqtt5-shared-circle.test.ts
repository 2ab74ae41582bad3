import { describe, expect, it } from "vitest";
import { blocked } from "../support/blocked.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { Device5 } from "./mqtt5-device.ts";

const COUNT = 10;
const numbers = Array.from({ length: COUNT }, (_, i) => `${i + 1}`);

/** Acknowledges whatever comes until the connection is closed. */
async function acknowledgeAll(device: Device5): Promise<void> {
  for (;;) await device.take();
}

/**
 * `source` feeds the jobs of a group and is told of results; `worker` is a member of it and tells of results. Each has room
 * for one message, and one in flight, and the source is held because the group is full.
 */
async function house(others: string[] = []) {
  const { gateway, port } = await startGateway({
    mailboxes: { messagesMax: 1, whenFull: "flow-control" },
    sessions: { inFlightMax: 1 },
  });
  const bystander = await RawClient.connected(port, { clientId: "bystander" });
  const source = await Device5.connect(port, "source");
  await source.subscribe({ results: 1 });
  const members: Device5[] = [];
  for (const id of ["worker", ...others]) {
    const member = await Device5.connect(port, id);
    await member.subscribe({ "$share/crew/jobs": 1 });
    members.push(member);
  }
  const fed = Promise.all(numbers.map((payload) => source.publishWhole("jobs", payload)));
  const isHeld = (id: string) => blocked(gateway, id, bystander);
  await isHeld("source");
  return { source, members: members as [Device5, ...Device5[]], fed, isHeld };
}

describe("flow control in a circle through a group", () => {
  it("never locks up: the member that the source would wait for is refused instead", async () => {
    const { source, members, fed } = await house();
    const [worker] = members;
    // Not one of its acknowledgements is read while the source is held.
    const told = await Promise.all(numbers.map((payload) => worker.publishWhole("results", payload)));
    expect(new Set(told)).toEqual(new Set([0, 0x97]));
    for (const device of [source, worker]) acknowledgeAll(device).catch(() => {});
    expect(new Set(await fed)).toEqual(new Set([0]));
  });

  it("refuses nothing as long as another member makes room for the source", async () => {
    const { source, members, fed, isHeld } = await house(["helper"]);
    const [worker, helper] = members;
    const told = Promise.all(numbers.map((payload) => worker.publishWhole("results", payload)));
    await isHeld("worker");
    for (const device of [helper as Device5, source, worker]) acknowledgeAll(device).catch(() => {});
    expect(new Set(await told)).toEqual(new Set([0]));
    expect(new Set(await fed)).toEqual(new Set([0]));
  });
});
