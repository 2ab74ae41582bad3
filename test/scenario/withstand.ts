import { expect } from "vitest";
import type { Clock } from "../../src/actor/clock.ts";
import { RawClient } from "../support/raw-client.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";
import { Bystanders } from "./bystanders.ts";

/** What the log has to say: a part of `<code> <text>`, or a pattern for it. */
export type Complaint = string | RegExp;

/** Complaints in the log as `<code> <text>`. */
export function complaintsOf({ log }: RunningGateway): string[] {
  return log.complaints.map(({ fields, text }) => `${fields.code ?? ""} ${text}`.trim());
}

/**
 * Lets something happen to a gateway while two others talk, and then asserts that it still serves, that the two
 * noticed nothing, and that the log complains with just these lines.
 */
export async function withstand(
  act: (house: RunningGateway) => Promise<void>,
  complaints: readonly Complaint[],
  options: { changes?: object; clock?: Clock } = {},
): Promise<RunningGateway> {
  const house = await startGateway(options.changes, options.clock);
  const bystanders = await Bystanders.watch(house.port);
  await act(house);
  await bystanders.unharmed();
  await serves(house.port);
  const found = complaintsOf(house);
  expect(found, found.slice(0, 10).join("\n")).toHaveLength(complaints.length);
  for (const [i, complaint] of complaints.entries()) {
    if (typeof complaint === "string") expect(found[i]).toContain(complaint);
    else expect(found[i]).toMatch(complaint);
  }
  return house;
}

/** Someone who comes afterwards connects, subscribes, and gets a message. */
async function serves(port: number): Promise<void> {
  const client = await RawClient.connected(port, { clientId: "latecomer" });
  await client.subscribe({ "latecomer/+": 2 });
  client.publish("latecomer/topic", "hello", { qos: 1, messageId: 7 });
  expect(await client.message()).toMatchObject({ topic: "latecomer/topic", payload: "hello", qos: 1 });
  await client.next("puback");
  await client.disconnect();
}
