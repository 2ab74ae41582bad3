import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { awayDevice } from "../support/away-device.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { publishAcknowledged } from "../support/publish-acknowledged.ts";
import { RawClient } from "../support/raw-client.ts";
import { restarts } from "../support/restarts.ts";
import { takeAll } from "../support/take-all.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const classes = (["memory", "written", "synced"] as const).map((durability) => {
  return { topics: [`${durability}/#`], durability };
});
const device = (port: number) => RawClient.connected(port, { clientId: "device", clean: false });

/** A gateway with one message of each class, at QoS 1 and 2, waiting for a device that is away. */
async function house(durability: string) {
  const clock = new ManualClock();
  const running = await restarts(root, { store: { durability }, mailboxes: { classes } }, clock);
  await awayDevice(running.port, "device", { "#": 2 });
  const publisher = await RawClient.connected(running.port, { clientId: "publisher", clean: false });
  for (const topic of ["memory/1", "written/1", "synced/1", "plain/1"]) {
    await publishAcknowledged(publisher, topic, topic, { qos: 1 });
    await publishAcknowledged(publisher, topic, `${topic} once`, { qos: 2 });
  }
  return running;
}

const both = (...topics: string[]) => topics.flatMap((topic) => [topic, `${topic} once`]);

describe.each([
  ["synced", both("written/1", "synced/1", "plain/1")],
  ["written", both("written/1", "synced/1", "plain/1")],
  ["memory", both("written/1", "synced/1")],
])("classes with a durability of their own, where store.durability is %s", (durability, survivors) => {
  it("all wait while the gateway lives", async () => {
    const { port } = await house(durability);
    expect(await payloadsSoFar(await device(port))).toEqual(both("memory/1", "written/1", "synced/1", "plain/1"));
  });

  it.each(["stopped", "killed"] as const)("those of memory, and they alone, are gone when it was %s", async (how) => {
    const { port } = await (await house(durability))[how]();
    expect(await payloadsSoFar(await device(port))).toEqual(survivors);
  });

  it("no file ever has a message of memory", async () => {
    const { directory, port, remains, gateway } = await house(durability);
    const written = (where: string) => {
      const files = readdirSync(where).filter((name) => name.endsWith(".db"));
      return files.map((name) => readFileSync(join(where, name), "utf8")).join("");
    };
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const whileItLives = written(await remains());
    await takeAll(await device(port), 8);
    await gateway.stop();
    for (const text of [whileItLives, written(directory)]) {
      expect(text).not.toContain(`"${base64("memory/1")}"`);
      expect(text).not.toContain(`"${base64("memory/1 once")}"`);
    }
    expect(whileItLives).toContain(`"${base64("synced/1 once")}"`);
  });
});

it("what was on the disk and is taken does not come again, where store.durability is memory by then", async () => {
  const before = await house("synced");
  const after = await before.stopped({ store: { durability: "memory" } });
  expect(await takeAll(await device(after.port), 6)).toHaveLength(6);
  const last = await after.stopped();
  expect(await payloadsSoFar(await device(last.port))).toEqual([]);
});
