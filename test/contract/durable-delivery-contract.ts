import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Message } from "../../src/store/message.ts";
import { queueSessionId } from "../../src/store/queue-session.ts";
import { NEVER_EXPIRES, type Store } from "../../src/store/store.ts";
import { deadLetter, eloquentLetter, said } from "../store/dead-letter.ts";
import type { DurableStore } from "./durable-store-contract.ts";

const jobs = { name: "jobs", settings: '{"topics":["jobs/#"]}', isCreated: true, isPaused: false };

/** What a store that writes to a disk keeps of queues and dead letters across restarts. */
export function durableDeliveryContract(name: string, durable: DurableStore): void {
  describe.each(["stopped", "killed"] as const)(`${name}, %s and started again,`, (how) => {
    let files: string;
    let store: Store;
    let broker: { id: string; counter: number };
    let old: Store[];

    beforeEach(async () => {
      files = durable.fresh();
      old = [];
      await open();
    });
    afterEach(async () => {
      for (const each of [...old, store]) await each.destroy();
    });

    async function open(): Promise<void> {
      store = durable.open(files);
      broker = { id: "gateway-1", counter: 0 };
      await store.setup(broker);
    }

    async function again(): Promise<void> {
      if (how === "stopped") await store.destroy();
      else {
        durable.letTimePass();
        await store.durable();
        old.push(store);
        files = durable.copy(files);
      }
      await open();
    }

    const letters = async () => (await store.deadLetters()).map(said);

    it("has its queues as they were last, and none that was removed", async () => {
      const odd = { name: "a.b~c", settings: JSON.stringify({ topics: ["\u{1f4a7}/+"], "\u2028": '"' }) };
      await store.putQueue(jobs);
      await store.putQueue({ ...odd, isCreated: false, isPaused: true });
      await store.putQueue({ ...jobs, name: "gone" });
      await store.putQueue({ ...jobs, isPaused: true });
      await store.removeQueue("gone");
      await again();
      await again();
      expect(await store.queues()).toEqual([
        { ...jobs, isPaused: true },
        { ...odd, isCreated: false, isPaused: true },
      ]);
    });

    it("has what waits in a queue, until the queue goes with it", async () => {
      const mailbox = queueSessionId("jobs");
      await store.putQueue(jobs);
      await store.putSession({ id: mailbox }, 5, NEVER_EXPIRES);
      const { message } = deadLetter(1, "a job");
      store.keep(mailbox, message, false);
      await store.durable();
      await again();
      const [waiting] = await store.outstanding(mailbox);
      expect((waiting?.entry as Message | undefined)?.payload.toString()).toBe("a job");
      store.removeQueue("jobs");
      await store.discardSession({ id: mailbox });
      await again();
      expect(await store.queues()).toEqual([]);
      expect(await store.sessions()).toEqual([]);
      expect(await store.outstanding(mailbox)).toEqual([]);
    });

    it("has its dead letters with all that their messages say, the oldest first", async () => {
      const theirs = deadLetter(4, "theirs", { brokerId: "gateway-2", brokerCounter: 1_000_000 });
      const all = [deadLetter(1, "one"), eloquentLetter(2), deadLetter(3, "", { qos: 0 }), theirs];
      for (const letter of all.toReversed()) store.putDeadLetter(letter);
      const before = all.map(said);
      await again();
      expect(await letters()).toEqual(before);
      await again();
      expect(await letters()).toEqual(before);
      const [, eloquent] = await store.deadLetters();
      expect(eloquent?.message.properties?.isExpired(1_700_000_060_000)).toBe(true);
      expect(eloquent?.message.isOnce).toBe(true);
    });

    it("has letters as they were put last, and none that was removed", async () => {
      for (const id of [1, 2, 3]) store.putDeadLetter(deadLetter(id, "x"));
      await again();
      const [first] = await store.deadLetters();
      store.putDeadLetter({ ...first!, requeues: 1 });
      store.removeDeadLetter(2);
      await again();
      expect((await store.deadLetters()).map(({ id, requeues }) => [id, requeues])).toEqual([
        [1, 1],
        [3, 0],
      ]);
    });

    it("numbers no message as one that is in a dead letter", async () => {
      store.putDeadLetter(deadLetter(1, "x"));
      await again();
      expect(broker.counter).toBe(101);
    });

    it("numbers messages above the beginning of each session: a message for it is for it after the next start too", async () => {
      await store.putSession({ id: "early" }, 5, NEVER_EXPIRES);
      broker.counter = 500; // all of QoS 0: the disk saw none of them
      await store.putSession({ id: "late" }, 5, NEVER_EXPIRES);
      await again();
      const { message } = deadLetter(1, "x", { brokerCounter: ++broker.counter });
      store.keep("late", message, false);
      await store.durable();
      await again();
      expect(await store.outstanding("late")).toHaveLength(1);
    });
  });
}
