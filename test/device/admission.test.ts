import { describe, expect, it } from "vitest";
import { type Kind, Mailbox } from "../../src/actor/mailbox.ts";
import { Admission } from "../../src/device/admission.ts";
import type { MailboxSettings, TopicClassSettings, WhenFull } from "../../src/device/device-settings.ts";
import { TopicClasses } from "../../src/device/topic-classes.ts";
import type { Usage } from "../../src/store/usage.ts";

interface Letter {
  readonly sequence: number;
  readonly bytes: number;
  readonly kind: Kind;
}

const roomy = { messagesMax: 1000, bytesMax: 1_000_000 };

interface Setting {
  whenFull?: WhenFull;
  mailboxes?: Partial<MailboxSettings>;
  classes?: (Partial<TopicClassSettings> & { topics: string[] })[];
  store?: Partial<typeof roomy>;
}

/** A mailbox behind an admission, and a store that counts what waits in it and what others wait for. */
class Desk {
  readonly settings;
  readonly classes: TopicClasses;
  readonly mailbox = new Mailbox<Letter>();
  readonly told: string[] = [];
  /** Letters that another receiver waits for too. */
  readonly shared = new Set<Letter>();
  readonly #kept: Letter[] = [];
  readonly #admission: Admission;
  #sequence = 0;

  constructor({ whenFull = "reject-newest", mailboxes, classes = [], store }: Setting, counts = true) {
    this.settings = {
      mailboxes: { ...roomy, whenFull, timeToLiveSeconds: 0, ...mailboxes },
      classes: classes.map((each) => ({ priority: 4, ...each })),
      store: { ...roomy, ...store },
    };
    this.classes = new TopicClasses(this.settings);
    this.#admission = new Admission(this.settings, this.classes, counts ? this.#usage() : null);
  }

  letter(topic: string, bytes = 1): Letter {
    return { sequence: ++this.#sequence, bytes, kind: this.classes.of(topic) };
  }

  /** Sends a letter on its way into the mailbox. */
  post(topic: string, bytes = 1): string {
    return this.offer(this.letter(topic, bytes));
  }

  offer(letter: Letter, counted = false): string {
    const verdict = this.#admission.admit(letter, this.mailbox, counted, {
      removed: (removed, reason) => {
        this.told.push(`${reason} ${removed.sequence}`);
        if (!this.shared.has(removed)) this.#kept.splice(this.#kept.indexOf(removed), 1);
      },
      dropped: (_letter, reason) => this.told.push(reason),
    });
    if (verdict === "admit") {
      this.mailbox.restore(letter);
      if (!counted) this.#kept.push(letter);
    }
    return verdict;
  }

  /** A letter that waits in another mailbox only. */
  elsewhere(topic: string, bytes = 1): Letter {
    const letter = this.letter(topic, bytes);
    this.#kept.push(letter);
    return letter;
  }

  get waiting(): number[] {
    return this.mailbox.drain().map(({ sequence }) => sequence);
  }

  #usage(): Usage {
    const amountOf = (letters: Letter[]) => ({
      messages: letters.length,
      bytes: letters.reduce((sum, { bytes }) => sum + bytes, 0),
    });
    const kept = this.#kept;
    return {
      get messages() {
        return amountOf(kept).messages;
      },
      get bytes() {
        return amountOf(kept).bytes;
      },
      ofKind: (index) => amountOf(kept.filter(({ kind }) => kind.index === index)),
    };
  }
}

describe("Admission to a full mailbox", () => {
  const threeOfThree = (whenFull: WhenFull) => {
    const desk = new Desk({ whenFull, mailboxes: { messagesMax: 3, bytesMax: 100 } });
    expect([desk.post("a", 30), desk.post("a", 30), desk.post("a", 30)]).toEqual(["admit", "admit", "admit"]);
    return desk;
  };

  it("drops the arriving message with reject-newest", () => {
    const desk = threeOfThree("reject-newest");
    expect(desk.post("a")).toBe("drop");
    expect(desk.told).toEqual(["mailbox-full"]);
    expect(desk.waiting).toEqual([1, 2, 3]);
  });

  it("removes as many of the oldest as it takes with remove-oldest", () => {
    const desk = threeOfThree("remove-oldest");
    expect(desk.post("a", 50)).toBe("admit");
    expect(desk.told).toEqual(["mailbox-removed 1", "mailbox-removed 2"]);
    expect(desk.waiting).toEqual([3, 4]);
  });

  it("removes more than any bound for a large message: they are its own limits", () => {
    const desk = new Desk({ whenFull: "remove-oldest", mailboxes: { bytesMax: 100 } });
    for (let i = 0; i < 100; i++) desk.post("a");
    expect(desk.post("a", 100)).toBe("admit");
    expect(desk.waiting).toEqual([101]);
  });

  it("holds the arriving message with flow-control, and admits it once there is room", () => {
    const desk = threeOfThree("flow-control");
    const letter = desk.letter("a");
    expect(desk.offer(letter)).toBe("hold");
    expect(desk.told).toEqual([]);
    desk.mailbox.take();
    expect(desk.offer(letter)).toBe("admit");
  });

  it.each(["reject-newest", "remove-oldest", "remove-low-priority", "flow-control"] as const)(
    "drops a message that never fits, and removes nothing for it: %s",
    (whenFull) => {
      const desk = threeOfThree(whenFull);
      expect(desk.post("a", 101)).toBe("drop");
      expect(desk.told).toEqual(["mailbox-full"]);
      expect(desk.mailbox.depth).toBe(3);
    },
  );

  it("follows settings that change", () => {
    const desk = threeOfThree("reject-newest");
    desk.settings.mailboxes.messagesMax = 4;
    expect([desk.post("a"), desk.post("a")]).toEqual(["admit", "drop"]);
    desk.settings.mailboxes.whenFull = "remove-oldest";
    expect(desk.post("a")).toBe("admit");
  });

  it("has the limits of the mailbox also for a message that is counted, and where the store does not count", () => {
    const desk = threeOfThree("reject-newest");
    expect(desk.offer(desk.letter("a"), true)).toBe("drop");
    const uncounted = new Desk({ mailboxes: { messagesMax: 1 }, store: { messagesMax: 0 } }, false);
    expect([uncounted.post("a"), uncounted.post("a")]).toEqual(["admit", "drop"]);
  });
});

describe("Admission with remove-low-priority", () => {
  const classes = [
    { topics: ["high"], priority: 9 },
    { topics: ["low"], priority: 1 },
    { topics: ["lower"], priority: 0 },
  ];
  const full = (...topics: string[]) => {
    const desk = new Desk({ whenFull: "remove-low-priority", mailboxes: { messagesMax: topics.length }, classes });
    for (const topic of topics) desk.post(topic);
    return desk;
  };

  it("removes the oldest message of the lowest priority", () => {
    const desk = full("normal", "low", "lower", "lower");
    expect(desk.post("high")).toBe("admit");
    expect(desk.told).toEqual(["low-priority-removed 3"]);
    expect(desk.waiting).toEqual([1, 2, 4, 5]);
  });

  it("lets a message push out an older one of its own priority", () => {
    const desk = full("high", "low", "low");
    expect(desk.post("low")).toBe("admit");
    expect(desk.waiting).toEqual([1, 3, 4]);
  });

  it("drops a message where all that wait have a higher priority", () => {
    const desk = full("high", "normal");
    expect(desk.post("low")).toBe("drop");
    expect(desk.told).toEqual(["mailbox-full"]);
    expect(desk.mailbox.depth).toBe(2);
  });

  it("removes nothing for a message that would not fit without all that it may push out", () => {
    const mailboxes = { bytesMax: 100 };
    const desk = new Desk({ whenFull: "remove-low-priority", mailboxes, classes });
    desk.post("high", 80);
    desk.post("low", 20);
    expect(desk.post("normal", 21)).toBe("drop");
    expect(desk.told).toEqual(["mailbox-full"]);
    expect(desk.post("normal", 20)).toBe("admit");
  });
});

describe("Admission to a full class", () => {
  const twoOfTwo = (whenFull: WhenFull, ofMailbox: WhenFull = "reject-newest") => {
    const classes = [{ topics: ["few/#"], messagesMax: 2, bytesMax: 50, whenFull }];
    return new Desk({ whenFull: ofMailbox, classes });
  };

  it("goes by the behaviour of the class, and by that of mailboxes where it has none", () => {
    const desk = twoOfTwo("flow-control", "remove-oldest");
    expect([desk.post("few/a"), desk.post("few/b"), desk.post("few/c")]).toEqual(["admit", "admit", "hold"]);
    const other = new Desk({ whenFull: "flow-control", classes: [{ topics: ["few"], messagesMax: 1 }] });
    expect([other.post("few"), other.post("few"), other.post("many")]).toEqual(["admit", "hold", "admit"]);
  });

  it("goes by the behaviour of the class also where the mailbox is full", () => {
    const desk = twoOfTwo("remove-oldest");
    desk.settings.mailboxes.messagesMax = 1;
    expect([desk.post("many"), desk.post("many"), desk.post("few/a")]).toEqual(["admit", "drop", "admit"]);
  });

  it("counts all mailboxes together, and drops", () => {
    const desk = twoOfTwo("reject-newest");
    desk.elsewhere("few/a");
    expect([desk.post("few/b"), desk.post("few/c"), desk.post("many")]).toEqual(["admit", "drop", "admit"]);
    expect(desk.told).toEqual(["class-full"]);
  });

  it("counts bytes too, and drops what never fits", () => {
    const desk = twoOfTwo("flow-control");
    expect([desk.post("few/a", 40), desk.post("few/b", 11), desk.post("few/b", 51)]).toEqual(["admit", "hold", "drop"]);
    expect(desk.told).toEqual(["class-full"]);
  });

  it("removes the oldest of just this class in this mailbox", () => {
    const desk = twoOfTwo("remove-oldest");
    for (const topic of ["many", "few/a", "few/b", "few/c"]) expect(desk.post(topic)).toBe("admit");
    expect(desk.told).toEqual(["mailbox-removed 2"]);
    expect(desk.waiting).toEqual([1, 3, 4]);
  });

  it.each(["remove-oldest", "remove-low-priority"] as const)(
    "drops where this mailbox has none of the class to give: %s",
    (whenFull) => {
      const desk = twoOfTwo(whenFull);
      desk.post("many");
      desk.elsewhere("few/a");
      desk.elsewhere("few/b");
      expect(desk.post("few/c")).toBe("drop");
      expect(desk.told).toEqual(["class-full"]);
      expect(desk.waiting).toEqual([1]);
    },
  );

  it("makes room in the mailbox by what it removes of the class, and not twice", () => {
    const desk = twoOfTwo("remove-oldest");
    desk.settings.mailboxes.messagesMax = 3;
    for (const topic of ["many", "few/a", "few/b", "few/c"]) desk.post(topic);
    expect(desk.told).toEqual(["mailbox-removed 2"]);
    expect(desk.waiting).toEqual([1, 3, 4]);
  });

  it("does not count a message again that another receiver waits for", () => {
    const desk = twoOfTwo("reject-newest");
    desk.elsewhere("few/a");
    const letter = desk.elsewhere("few/b");
    expect(desk.offer(letter, true)).toBe("admit");
    expect(desk.post("few/c")).toBe("drop");
  });
});

describe("Admission to a full store", () => {
  it("drops, and says which limit it was", () => {
    const desk = new Desk({ store: { bytesMax: 50 } });
    desk.elsewhere("a", 30);
    expect([desk.post("a", 20), desk.post("a", 1), desk.post("a", 51)]).toEqual(["admit", "drop", "drop"]);
    expect(desk.told).toEqual(["store-full", "store-full"]);
  });

  it("holds with flow-control, other than what never fits", () => {
    const desk = new Desk({ whenFull: "flow-control", store: { bytesMax: 50 } });
    expect([desk.post("a", 50), desk.post("a", 1), desk.post("a", 51)]).toEqual(["admit", "hold", "drop"]);
  });

  it("removes of this mailbox what makes room", () => {
    const desk = new Desk({ whenFull: "remove-oldest", store: { messagesMax: 3 } });
    desk.elsewhere("a");
    desk.post("a");
    desk.post("a");
    expect(desk.post("a")).toBe("admit");
    expect(desk.told).toEqual(["mailbox-removed 2"]);
    expect(desk.waiting).toEqual([3, 4]);
  });

  it("removes nothing of a higher priority with remove-low-priority", () => {
    const classes = [{ topics: ["high"], priority: 9 }];
    const desk = new Desk({ whenFull: "remove-low-priority", classes, store: { messagesMax: 2 } });
    desk.post("high");
    desk.post("low");
    expect(desk.post("low")).toBe("admit");
    expect(desk.post("high")).toBe("admit");
    expect(desk.post("low")).toBe("drop");
    expect(desk.told).toEqual(["low-priority-removed 2", "low-priority-removed 3", "store-full"]);
  });

  it("goes on past messages that others wait for too, until one makes room", () => {
    const desk = new Desk({ whenFull: "remove-oldest", store: { messagesMax: 4 } });
    for (let i = 0; i < 4; i++) {
      const letter = desk.letter("a");
      if (i < 2) desk.shared.add(letter);
      desk.offer(letter);
    }
    expect(desk.post("a")).toBe("admit");
    expect(desk.told).toEqual(["mailbox-removed 1", "mailbox-removed 2", "mailbox-removed 3"]);
    expect(desk.waiting).toEqual([4, 5]);
  });

  it("gives up after sixteen of them, and when the mailbox has nothing more to give", () => {
    const sharing = (count: number) => {
      const desk = new Desk({ whenFull: "remove-oldest", store: { messagesMax: count } });
      for (let i = 0; i < count; i++) {
        const letter = desk.letter("a");
        desk.shared.add(letter);
        desk.offer(letter);
      }
      return desk;
    };
    const many = sharing(20);
    expect(many.post("a")).toBe("drop");
    expect([many.mailbox.depth, many.told.length, many.told.at(-1)]).toEqual([4, 17, "store-full"]);
    const few = sharing(3);
    expect(few.post("a")).toBe("drop");
    expect([few.mailbox.depth, few.told.at(-1)]).toEqual([0, "store-full"]);
  });

  it("does not count a message again that another receiver waits for", () => {
    const desk = new Desk({ store: { messagesMax: 1 } });
    expect(desk.offer(desk.elsewhere("a"), true)).toBe("admit");
    expect(desk.post("a")).toBe("drop");
  });

  it("names the mailbox first, then the class, then the store", () => {
    const classes = [{ topics: ["a"], messagesMax: 1 }];
    const desk = new Desk({ mailboxes: { messagesMax: 1 }, classes, store: { messagesMax: 1 } });
    desk.post("a");
    desk.post("a");
    desk.settings.mailboxes.messagesMax = 2;
    desk.post("a");
    desk.post("b");
    expect(desk.told).toEqual(["mailbox-full", "class-full", "store-full"]);
  });
});
