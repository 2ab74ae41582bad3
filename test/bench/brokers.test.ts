import { join } from "node:path";
import { expect, it } from "vitest";
import { brokerKinds, brokerNames } from "../../bench/brokers.ts";
import type { StoreChoice, Storing } from "../../bench/storing.ts";

const storing: Storing = { mailboxMessagesMax: 5000 };

function settingsOf(choice: Partial<StoreChoice>, lane?: Storing): string[] {
  const [waypost] = brokerKinds("load", { engine: undefined, durability: "synced", ...choice });
  const { args } = waypost!.command(1883, "home", lane);
  return args.filter((setting) => /^(store|mailboxes|queues|bridges)\./.test(setting));
}

it("gives a gateway that must keep messages a folder of its own and room for all of them", () => {
  expect(settingsOf({}, storing)).toEqual([
    "store.engine=nedb",
    `store.directory=${join("home", "data")}`,
    "store.durability=synced",
    "mailboxes.messagesMax=5000",
    "mailboxes.bytesMax=1GiB",
  ]);
});

it("keeps them in memory where that is to be measured", () => {
  const settings = settingsOf({ engine: "memory" }, storing);
  expect(settings).toEqual(["store.engine=memory", "mailboxes.messagesMax=5000", "mailboxes.bytesMax=1GiB"]);
});

it("gives it a queue with as much room, and keys where there are keys", () => {
  const queueOf = (queue: NonNullable<Storing["queue"]>) =>
    settingsOf({}, { ...storing, queue }).filter((setting) => setting.startsWith("queues."));
  const plain = ['topics=["bench/#"]', "messagesMax=5000", "bytesMax=1GiB"];
  const named = (settings: string[]) => settings.map((setting) => `queues.bench.${setting}`);
  expect(queueOf("least-busy")).toEqual(named([...plain, "dispatch=least-busy"]));
  expect(queueOf("by-key")).toEqual(named([...plain, "dispatch=by-key", "keyTopicLevel=3"]));
});

it("gives it a bridge that is soon back, with as much room for each filter", () => {
  const bridge = { upstreamPort: 1884, filters: ["bench/#", "live/#"] };
  const settings = settingsOf({}, { ...storing, bridge }).filter((setting) => setting.startsWith("bridges."));
  const rule = { qos: 1, outage: "live-first", messagesMax: 5000, bytesMax: "1GiB" };
  expect(settings).toEqual([
    "bridges.bench.url=mqtt://127.0.0.1:1884",
    "bridges.bench.retryMaxSeconds=1",
    `bridges.bench.topics=${JSON.stringify(bridge.filters.map((filter) => ({ filter, ...rule })))}`,
  ]);
});

it("keeps a queue as its lane says, whatever else is asked for", () => {
  const settings = settingsOf({ engine: "memory", durability: "written" }, { ...storing, durability: "synced" });
  expect(settings).toContain("store.engine=nedb");
  expect(settings).toContain("store.durability=synced");
});

it("leaves the gateway its defaults where nothing is kept, unless it is told otherwise", () => {
  expect(settingsOf({})).toEqual([]);
  expect(settingsOf({ engine: "memory" })).toEqual(["store.engine=memory"]);
});

it("names every broker that it knows", () => {
  expect(brokerKinds("load", { engine: undefined, durability: "synced" }).map(({ name }) => name)).toEqual(brokerNames);
});
