import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { deadLetter, eloquentLetter, said } from "../store/dead-letter.ts";

const jobs = { name: "jobs", settings: '{"topics":["jobs/#"]}', isCreated: true, isPaused: false };

/** What queues and dead letters need of every store. */
export function deliveryContract(name: string, open: () => Store): void {
  describe(`${name} keeps queues and dead letters`, () => {
    let store: Store;
    beforeEach(async () => {
      store = open();
      await store.setup({ id: "gateway-1", counter: 0 });
    });
    afterEach(() => store.destroy());
    const letters = async () => (await store.deadLetters()).map(said);

    it("has none at first", async () => {
      expect(await store.queues()).toEqual([]);
      expect(await store.deadLetters()).toEqual([]);
    });

    it("has each queue as it was put last, until it is removed", async () => {
      await store.putQueue(jobs);
      await store.putQueue({ ...jobs, name: "__proto__" });
      await store.putQueue({ ...jobs, settings: "{}", isPaused: true });
      expect(await store.queues()).toEqual([
        { ...jobs, settings: "{}", isPaused: true },
        { ...jobs, name: "__proto__" },
      ]);
      await store.removeQueue("jobs");
      await store.removeQueue("unknown");
      expect(await store.queues()).toEqual([{ ...jobs, name: "__proto__" }]);
    });

    it("has queues of its own: nobody changes what it hands out", async () => {
      const mine = { ...jobs };
      await store.putQueue(mine);
      mine.isPaused = true;
      for (const queue of await store.queues()) queue.settings = "changed";
      expect(await store.queues()).toEqual([jobs]);
    });

    it.each(["", "[]", "null", "{"])("refuses the settings %j, which are no map", (settings) => {
      expect(() => store.putQueue({ ...jobs, settings })).toThrow(
        expect.objectContaining({ code: "ERR_INVARIANT", message: expect.stringContaining("queue jobs") }),
      );
    });

    it("has dead letters with all that their messages say, the oldest first", async () => {
      const all = [deadLetter(1, "one"), eloquentLetter(2), deadLetter(3, "", { qos: 0 })];
      for (const index of [1, 0, 2]) store.putDeadLetter(all[index]!);
      expect(await letters()).toEqual(all.map(said));
    });

    it("has a letter that is put again in its old place, and none that is removed", async () => {
      for (const id of [1, 2, 3]) store.putDeadLetter(deadLetter(id, "x"));
      store.putDeadLetter({ ...deadLetter(1, "x"), requeues: 1 });
      store.removeDeadLetter(2);
      store.removeDeadLetter(7);
      expect((await store.deadLetters()).map(({ id, requeues }) => [id, requeues])).toEqual([
        [1, 1],
        [3, 0],
      ]);
    });

    it("copies what it keeps out of the chunk that it came in", async () => {
      const chunk = Buffer.from("one");
      const letter = deadLetter(1, "", { payload: chunk });
      store.putDeadLetter(letter);
      chunk.fill(0);
      expect((await store.deadLetters())[0]?.message.payload.toString()).toBe("one");
    });
  });
}
