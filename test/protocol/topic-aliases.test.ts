import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InboundAliases, OutboundAliases } from "../../src/protocol/topic-aliases.ts";

const anyTopic = fc.nat({ max: 60 }).map((number) => `topic/${number}`);

describe("topic aliases that a client sets", () => {
  it("mean what they were last set to, for as long as the connection lives [MQTT-3.3.2-12]", () => {
    const step = fc.record({ alias: fc.integer({ min: 1, max: 20 }), topic: fc.oneof(anyTopic, fc.constant("")) });
    const check = (steps: { alias: number; topic: string }[]) => {
      const aliases = new InboundAliases(20);
      const model = new Map<number, string>();
      for (const { alias, topic } of steps) {
        if (topic !== "") model.set(alias, topic);
        const meant = model.get(alias);
        if (meant !== undefined) expect(aliases.resolve(alias, topic)).toBe(meant);
        else {
          const refused = expect.objectContaining({ code: "ERR_PROTOCOL_VIOLATION" });
          expect(() => aliases.resolve(alias, topic)).toThrow(refused);
        }
      }
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), check));
  });

  it("may not be over the maximum that the client was told [MQTT-3.3.2-9]", () => {
    const check = (max: number, over: number, topic: string) => {
      const refused = expect.objectContaining({ code: "ERR_PROTOCOL_VIOLATION", reasonCode: 0x94 });
      expect(() => new InboundAliases(max).resolve(max + over, topic)).toThrow(refused);
    };
    const over = fc.integer({ min: 1, max: 100 });
    fc.assert(fc.property(fc.nat({ max: 65_435 }), over, fc.constantFrom("", "a"), check));
  });

  it("are of one connection only [MQTT-3.3.2-7]", () => {
    new InboundAliases(5).resolve(1, "a");
    expect(() => new InboundAliases(5).resolve(1, "")).toThrow("never set");
  });
});

/** A client that keeps the table of aliases that MQTT asks for, and no more. */
class Reader {
  readonly table = new Map<number, string>();
  readonly max: number;
  aliased = 0;

  constructor(max: number) {
    this.max = max;
  }

  /** The topic of a PUBLISH that `of` answered for. */
  read(alias: number, topic: string): string | undefined {
    if (alias === 0) return topic;
    expect(Math.abs(alias)).toBeLessThanOrEqual(this.max); // [MQTT-3.3.2-11]
    if (alias < 0) this.table.set(-alias, topic);
    else this.aliased++;
    return this.table.get(Math.abs(alias));
  }
}

describe("topic aliases towards a client", () => {
  it("always mean the topic of the message, whatever was sent before", () => {
    const topics = fc.array(fc.oneof(anyTopic, fc.constantFrom("t", "topic/often", "__proto__")), { maxLength: 600 });
    const check = (max: number, sent: string[]) => {
      const aliases = new OutboundAliases(max);
      const client = new Reader(max);
      for (const topic of sent) expect(client.read(aliases.of(topic), topic)).toBe(topic);
      expect(client.table.size).toBeLessThanOrEqual(max);
    };
    fc.assert(fc.property(fc.integer({ min: 1, max: 12 }), topics, check));
  });

  it("are those of the most used topics, also when others had them first", () => {
    const aliases = new OutboundAliases(2);
    const client = new Reader(2);
    for (let i = 0; i < 50; i++) client.read(aliases.of(`once/${i}`), `once/${i}`);
    for (let i = 0; i < 50; i++) {
      for (const topic of ["often/1", "often/2"]) client.read(aliases.of(topic), topic);
    }
    expect([...client.table.values()].sort()).toEqual(["often/1", "often/2"]);
    expect(client.aliased).toBeGreaterThan(80);
  });

  it("are none for a client that takes none [MQTT-3.1.2-27]", () => {
    const aliases = new OutboundAliases(0);
    for (let i = 0; i < 50; i++) expect(aliases.of("topic/often")).toBe(0);
  });

  it("take no more memory for topics that come once than for as many as there are aliases", () => {
    const aliases = new OutboundAliases(3);
    for (let i = 0; i < 10_000; i++) {
      const alias = aliases.of(`once/${i}`);
      expect(alias).toBe(i < 3 ? -(i + 1) : 0);
    }
    expect(aliases.of("once/0")).toBe(1);
  });
});
