import { describe, expect, it } from "vitest";
import { type Kind, Mailbox } from "../../src/actor/mailbox.ts";
import { SeededRandom } from "../scenario/seeded-random.ts";

interface Letter {
  readonly sequence: number;
  readonly bytes: number;
  readonly kind: Kind;
}

const ordinary: Kind = { index: 0, priority: 4 };
const urgent: Kind = { index: 1, priority: 9 };
const bulk: Kind = { index: 2, priority: 1 };
const chatter: Kind = { index: 3, priority: 1 };

const letter = (sequence: number, kind = ordinary, bytes = 1): Letter => ({ sequence, bytes, kind });

function mailboxWith(...letters: Letter[]): Mailbox<Letter> {
  const box = new Mailbox<Letter>();
  for (const each of letters) box.restore(each);
  return box;
}

const sequences = (letters: readonly Letter[]) => letters.map(({ sequence }) => sequence);

describe("Mailbox", () => {
  it("gives messages back in the order in which they came, however often it wraps around", () => {
    const box = new Mailbox<Letter>();
    let put = 0;
    let taken = 0;
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 7 + round; i++) box.restore(letter(put++));
      for (let i = 0; i < 5 + round; i++) expect(box.take()?.sequence).toBe(taken++);
    }
    expect(sequences(box.drain())).toEqual(Array.from({ length: put - taken }, (_, i) => taken + i));
    expect(box.take()).toBeUndefined();
  });

  it("counts its messages and bytes", () => {
    const box = mailboxWith(letter(1, ordinary, 10), letter(2, urgent, 20));
    expect([box.depth, box.bytes]).toEqual([2, 30]);
    box.take();
    expect([box.depth, box.bytes]).toEqual([1, 20]);
    box.clear();
    expect([box.depth, box.bytes, box.peek()]).toEqual([0, 0, undefined]);
  });

  it("keeps messages of one kind in the order in which they came, whatever their sequence", () => {
    expect(sequences(mailboxWith(letter(5), letter(1), letter(3)).drain())).toEqual([5, 1, 3]);
  });

  it("gives, of several kinds, the one whose first message has the smallest sequence", () => {
    const box = mailboxWith(letter(5), letter(1), letter(2, urgent), letter(7, urgent), letter(6, bulk));
    expect(sequences(box.drain())).toEqual([2, 5, 1, 6, 7]);
  });

  it("shows the oldest message of all and of each kind", () => {
    const box = mailboxWith(letter(2), letter(3, urgent), letter(1, bulk));
    expect(box.peek()?.sequence).toBe(1);
    expect(box.oldest()?.sequence).toBe(1);
    expect(box.oldest(urgent.index)?.sequence).toBe(3);
    expect(box.oldest(chatter.index)).toBeUndefined();
    expect(box.depth).toBe(3);
  });

  it("removes the oldest message of one kind and leaves the others", () => {
    const box = mailboxWith(letter(1), letter(2, urgent), letter(3, urgent));
    expect(box.removeOldest(urgent.index)?.sequence).toBe(2);
    expect(box.removeOldest(bulk.index)).toBeUndefined();
    expect(sequences(box.drain())).toEqual([1, 3]);
  });

  it("removes the oldest message of the lowest priority, over all kinds that have it", () => {
    const box = mailboxWith(letter(1), letter(4, bulk), letter(3, chatter), letter(5, urgent));
    expect(Array.from({ length: 3 }, () => box.removeLowest(4)?.sequence)).toEqual([3, 4, 1]);
  });

  it("removes nothing above the given priority", () => {
    const box = mailboxWith(letter(1), letter(2, urgent));
    expect(box.removeLowest(3)).toBeUndefined();
    expect(box.removeLowest(4)?.sequence).toBe(1);
    expect(box.removeLowest(8)).toBeUndefined();
    expect(box.depth).toBe(1);
  });

  it("removes what has expired at the front of each kind, and does not look behind what stays", () => {
    const box = mailboxWith(letter(1), letter(9), letter(2), letter(3, urgent), letter(8, bulk));
    expect(sequences(box.removeWhile(({ sequence }) => sequence < 5)).sort()).toEqual([1, 3]);
    expect(sequences(box.drain())).toEqual([8, 9, 2]);
  });

  it("says whether one more message fits", () => {
    const box = mailboxWith(letter(1, ordinary, 60));
    const fits = (bytes: number, messagesMax: number) =>
      box.fits(letter(2, ordinary, bytes), { messagesMax, bytesMax: 100 });
    expect([fits(40, 2), fits(41, 2), fits(40, 1)]).toEqual([true, false, false]);
  });

  it("says whether one more message would fit if all of low priority were gone", () => {
    const box = mailboxWith(letter(1, bulk, 30), letter(2, chatter, 10), letter(3, urgent, 60));
    const fits = (priority: number, bytes: number, messagesMax = 3) =>
      box.fitsAbove(priority, letter(4, ordinary, bytes), { messagesMax, bytesMax: 100 });
    expect([fits(0, 1), fits(1, 40), fits(1, 41), fits(9, 100), fits(1, 1, 1)]).toEqual([
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  it.each([1, 2, 3, 4, 5])("does what an array of messages would do (seed %i)", (seed) => {
    const random = new SeededRandom(seed);
    const box = new Mailbox<Letter>();
    const model = new Model();
    let made = 0;
    for (let step = 0; step < 4000; step++) {
      // Phases of growth and of decline, so that lanes wrap around, empty and are given to other kinds.
      const isGrowing = step % 800 < 400;
      for (let i = random.below(isGrowing ? 4 : 2); i > 0; i--) {
        // Sequences are unique and only roughly ascending, as after a restore.
        const sequence = (step - random.below(50)) * 10_000 + made++;
        const one = letter(sequence, kinds[random.below(seed + 1)], random.below(50));
        box.restore(one);
        model.messages.push(one);
      }
      const operation = operations[random.below(operations.length)] as Operation;
      const argument = random.below(10);
      expect(operation(box, argument), `step ${step}`).toEqual(operation(model, argument));
      expect([box.depth, box.bytes, box.peek()]).toEqual([model.depth, model.bytes, model.peek()]);
    }
    expect(box.drain()).toEqual(model.drain());
    expect([box.depth, box.bytes]).toEqual([0, 0]);
  });
});

const kinds: Kind[] = [ordinary, urgent, bulk, chatter, { index: 70, priority: 0 }, { index: 71, priority: 4 }];

type Box = Pick<
  Mailbox<Letter>,
  "take" | "oldest" | "removeOldest" | "removeLowest" | "removeWhile" | "fits" | "fitsAbove" | "drain" | "clear"
>;
type Operation = (box: Box, argument: number) => unknown;

const operations: Operation[] = [
  (box) => box.take(),
  (box) => box.take(),
  (box, argument) => box.oldest(kinds[argument]?.index),
  (box, argument) => box.removeOldest(kinds[argument]?.index),
  (box, argument) => box.removeLowest(argument),
  (box, argument) => box.removeWhile(({ bytes }) => bytes < argument).sort((a, b) => a.sequence - b.sequence),
  (box, argument) => box.fits(letter(0, ordinary, argument), { messagesMax: argument * 50, bytesMax: 2500 }),
  (box, argument) => box.fitsAbove(argument, letter(0), { messagesMax: argument * 20, bytesMax: 1000 }),
  (box, argument) => (argument === 0 ? box.drain() : undefined),
  (box, argument) => (argument === 1 ? box.clear() : undefined),
];

/** The mailbox as a plain array, in the order of arrival. */
class Model implements Box {
  messages: Letter[] = [];

  get depth(): number {
    return this.messages.length;
  }

  get bytes(): number {
    return this.messages.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  peek(): Letter | undefined {
    return this.#heads().toSorted((a, b) => a.sequence - b.sequence)[0];
  }

  take(): Letter | undefined {
    return this.#remove(this.peek());
  }

  oldest(kindIndex?: number): Letter | undefined {
    return kindIndex === undefined ? this.peek() : this.#heads().find(({ kind }) => kind.index === kindIndex);
  }

  removeOldest(kindIndex?: number): Letter | undefined {
    return this.#remove(this.oldest(kindIndex));
  }

  removeLowest(priority: number): Letter | undefined {
    const candidates = this.#heads().filter(({ kind }) => kind.priority <= priority);
    const sorted = candidates.sort((a, b) => a.kind.priority - b.kind.priority || a.sequence - b.sequence);
    return this.#remove(sorted[0]);
  }

  removeWhile(condition: (message: Letter) => boolean): Letter[] {
    const removed: Letter[] = [];
    for (let found = this.#heads().find(condition); found !== undefined; found = this.#heads().find(condition)) {
      removed.push(this.#remove(found) as Letter);
    }
    return removed;
  }

  fits({ bytes }: Letter, limits: { messagesMax: number; bytesMax: number }): boolean {
    return this.depth + 1 <= limits.messagesMax && this.bytes + bytes <= limits.bytesMax;
  }

  fitsAbove(priority: number, message: Letter, limits: { messagesMax: number; bytesMax: number }): boolean {
    const rest = new Model();
    rest.messages = this.messages.filter(({ kind }) => kind.priority > priority);
    return rest.fits(message, limits);
  }

  drain(): Letter[] {
    const drained: Letter[] = [];
    for (let next = this.take(); next !== undefined; next = this.take()) drained.push(next);
    return drained;
  }

  clear(): void {
    this.messages = [];
  }

  #heads(): Letter[] {
    return [...new Map(this.messages.toReversed().map((each) => [each.kind.index, each])).values()];
  }

  #remove(message: Letter | undefined): Letter | undefined {
    this.messages = this.messages.filter((each) => each !== message);
    return message;
  }
}

describe("A mailbox in the order of sequences", () => {
  const letter = (sequence: number, index = 0): Letter => ({ sequence, bytes: sequence, kind: { index, priority: 4 } });
  const orderOf = (box: Mailbox<Letter>) => box.drain().map(({ sequence }) => sequence);

  it("takes messages back into their old places, few or many, near the head, the end and in between", () => {
    for (const returned of [[1], [3, 5], [50], [99, 101], Array.from({ length: 90 }, (_, i) => 2 * i + 1)]) {
      const box = new Mailbox<Letter>();
      const waiting = Array.from({ length: 100 }, (_, i) => i + 1).filter((each) => !returned.includes(each));
      for (const each of waiting) box.restore(letter(each));
      box.insert(returned.map((each) => letter(each)));
      const all = [...new Set([...waiting, ...returned])].sort((one, other) => one - other);
      expect(box.depth).toBe(all.length);
      expect(box.bytes).toBe(all.reduce((sum, each) => sum + each, 0));
      expect(orderOf(box)).toEqual(all);
    }
  });

  it("does so at random as an array that is sorted does, with removals in between", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    const box = new Mailbox<Letter>();
    let model: Letter[] = [];
    for (let step = 0; step < 20_000; step++) {
      const choice = random(10);
      if (choice < 5) {
        const added = letter(random(1_000_000), random(3));
        box.insert([added]);
        model.push(added);
        model.sort((one, other) => one.sequence - other.sequence);
      } else if (choice < 7 && model.length > 0) {
        const gone = model[random(model.length)] as Letter;
        expect(box.remove(gone)).toBe(true);
        expect(box.remove(gone)).toBe(false);
        model = model.filter((each) => each !== gone);
      } else {
        const first = box.take();
        expect(first?.sequence).toBe(model[0]?.sequence);
        if (first !== undefined) model = model.filter((each) => each !== first);
      }
      expect(box.depth).toBe(model.length);
      expect(box.bytes).toBe(model.reduce((sum, { bytes }) => sum + bytes, 0));
    }
  });
});
