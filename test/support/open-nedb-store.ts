import { systemClock } from "../../src/actor/clock.ts";
import { Message } from "../../src/store/message.ts";
import { NedbStore, type NedbStoreOptions } from "../../src/store/nedb-store.ts";
import { LogRecorder } from "./log-recorder.ts";

/** Opens a store, and says in `log` what it found. */
export async function openNedbStore(directory: NedbStoreOptions["directory"], more: Partial<NedbStoreOptions> = {}) {
  const log = new LogRecorder();
  const store = new NedbStore({ directory, durability: "synced", clock: systemClock, log, ...more });
  const broker = { id: "gateway", counter: 0 };
  await store.setup(broker);
  const keep = (clientId: string, text: string, qos: 1 | 2 = 1) => {
    const identity = { cmd: "publish" as const, brokerId: "gateway", brokerCounter: ++broker.counter };
    const packet = { ...identity, topic: "t", payload: Buffer.from(text), qos, retain: false, dup: false };
    return store.keep(clientId, new Message(packet, qos, false), false);
  };
  const texts = async (clientId: string) =>
    (await store.outstanding(clientId)).map(({ entry }) =>
      entry instanceof Message ? entry.payload.toString() : "pubrel",
    );
  return { store, broker, log, keep, texts };
}
