import { describe, expect, it } from "vitest";
import { Ledger } from "../../devices/ledger/ledger.ts";
import { LineBook } from "../../devices/ledger/line-book.ts";
import type { StreamPlan } from "../../devices/ledger/stream.ts";
import { judge } from "../../devices/ledger/verdict.ts";
import type { UserProperty } from "../../devices/version5/message-properties.ts";
import type { WireProperties } from "../../devices/version5/read-publish.ts";
import { run } from "./book.ts";

const topic = "home/meter/count";
const inFlightMax = 2;
const noon = 10_000_000;

type Options = { sender?: string; receiver?: string; qos?: 0 | 1 | 2; plan?: Partial<StreamPlan> };

/** A meter at the gateway and an archive at the cloud, or whom the options say, with the line between them. */
function openLine({ sender = "meter", receiver = "archive", qos = 1, plan = {} }: Options = {}) {
  const line = new LineBook({ atCloud: new Set(["archive", "operator"]), inFlightMax });
  const limits = { permitQos0Loss: false, permitUnacknowledged: true, lateMsMax: 30_000 };
  const ledger = new Ledger({ run, ...limits, line });
  ledger.subscribed(receiver, "home/#", 2);
  ledger.open({ flow: "count", sender, topic, qos, ...plan });
  return {
    line,
    ledger,
    /** Sends so many messages, one per millisecond, all acknowledged. */
    send(count: number, fromMs: number) {
      for (let index = 0; index < count; index++) {
        ledger.acknowledged(topic, ledger.sending(topic, fromMs + index), fromMs + index);
      }
    },
    arrive(sequence: number, atMs: number, userProperties?: UserProperty[]) {
      const decoded = { stamp: { run, sender, topic, sequence, sentAtMs: 0 }, body: Buffer.alloc(0) };
      const properties = userProperties === undefined ? {} : { properties: { ...noProperties, userProperties } };
      ledger.arrived({ receiver, topic, decoded, dup: false, atMs, ...properties });
    },
    problems: () => judge(ledger.tally(), ledger.incidents).problems,
  };
}

/** Of a message whose sender spoke 3.1.1. */
const noProperties: WireProperties = {
  payloadFormat: undefined,
  expirySeconds: undefined,
  contentType: undefined,
  responseTopic: undefined,
  correlationData: undefined,
  subscriptionIdentifiers: [],
  userProperties: [],
};

describe("the verdict over the line to a cloud", () => {
  it("fails when something acknowledged did not come, in either direction", () => {
    for (const ends of [{}, { sender: "operator", receiver: "lamp" }]) {
      const { send, arrive, problems } = openLine(ends);
      send(2, noon);
      arrive(2, noon + 10);
      expect(problems()).toEqual(["count: 1 lost"]);
    }
  });

  it("permits that something at QoS 0 does not come, and waits for none of it", () => {
    const { send, arrive, problems, ledger } = openLine({ qos: 0 });
    send(2, noon);
    arrive(1, noon + 10);
    expect(ledger.awaited).toBe(0);
    expect(problems()).toEqual([]);
  });

  it("fails when something comes out of order, whatever befell the line", () => {
    const { line, send, arrive, problems } = openLine();
    send(2, noon);
    line.broke(noon, noon + 5);
    arrive(2, noon + 10);
    arrive(1, noon + 11);
    expect(problems()).toEqual(["count: 1 out of order"]);
  });

  it("fails when something comes twice and no connection has ended", () => {
    const { line, send, arrive, problems } = openLine();
    send(1, noon);
    line.troubled("throttled", noon);
    arrive(1, noon + 10);
    arrive(1, noon + 20);
    line.healed(noon + 30);
    expect(problems()).toEqual(["count: 1 duplicated"]);
  });

  it("permits at QoS 1 what was in flight when a connection ended, as many as could be, and counts it", () => {
    const { line, ledger, send, arrive, problems } = openLine();
    send(3, noon);
    for (const sequence of [1, 2, 3]) arrive(sequence, noon + 10);
    line.broke(noon + 5, noon + 20);
    for (const sequence of [1, 2]) arrive(sequence, noon + 30);
    expect(problems()).toEqual([]);
    expect(line.tally()).toMatchObject({ doubled: { up: 2, down: 0 }, doubledMax: { up: 2, down: 0 }, breaks: 1 });
    arrive(3, noon + 31);
    expect(problems()).toEqual(["count: 1 duplicated"]);
    expect(ledger.tally()[0]).toMatchObject({ duplicated: 3, duplicatedPermitted: 2 });
  });

  it("charges a message that comes to several receivers once", () => {
    const line = new LineBook({ atCloud: new Set(["archive"]), inFlightMax: 1 });
    line.broke(noon, noon);
    expect(line.explains("up", "1 a", noon, noon + 10)).toBe(true);
    expect(line.explains("up", "1 a", noon, noon + 11)).toBe(true);
    expect(line.explains("up", "2 a", noon, noon + 12)).toBe(false);
    expect(line.explains("down", "3 a", noon, noon + 13)).toBe(true);
  });

  it("does not permit twice what had come long before a connection ended, or before it", () => {
    const { line, send, arrive, problems } = openLine();
    send(2, noon);
    arrive(1, noon + 1);
    arrive(2, noon + 2);
    arrive(2, noon + 3);
    line.broke(noon + 60_000, noon + 60_000);
    arrive(1, noon + 60_010);
    expect(problems()).toEqual(["count: 2 duplicated"]);
  });

  it("permits it after a kill of the gateway, because that ends the connection too", () => {
    const { ledger, send, arrive, problems } = openLine();
    send(1, noon);
    arrive(1, noon + 1);
    ledger.gatewayDied(noon + 10);
    arrive(1, noon + 500);
    expect(problems()).toEqual([]);
  });

  it("never permits it at QoS 2", () => {
    const { line, send, arrive, problems } = openLine({ qos: 2 });
    send(1, noon);
    arrive(1, noon + 1);
    line.broke(noon, noon + 10);
    arrive(1, noon + 20);
    expect(problems()).toEqual(["count: 1 duplicated"]);
  });

  it("permits it where the bridge lowers QoS 2", () => {
    const { line, send, arrive, problems } = openLine({ qos: 2, plan: { qosMaxOverLine: 1 } });
    send(1, noon);
    arrive(1, noon + 1);
    line.broke(noon, noon + 10);
    arrive(1, noon + 20);
    expect(problems()).toEqual([]);
  });

  it("does not excuse between devices at the same end", () => {
    const { line, send, arrive, problems } = openLine({ receiver: "display" });
    send(1, noon);
    arrive(1, noon + 1);
    line.broke(noon, noon + 10);
    arrive(1, noon + 20);
    expect(problems()).toEqual(["count: 1 duplicated"]);
  });

  it("does not call late what could not travel, and waited, and calls late what was slow on a line in order", () => {
    const { line, ledger, send, arrive, problems } = openLine();
    line.troubled("silent", noon - 1);
    send(2, noon);
    line.healed(noon + 100_000);
    arrive(1, noon + 101_000);
    expect(ledger.tally()[0]).toMatchObject({ waited: 1, late: 0, latencyMsP50: 1_000 });
    arrive(2, noon + 140_000);
    expect(problems()).toEqual(["count: 1 late"]);
  });
});

describe("a stream of which only the last value counts", () => {
  const lastValue = { plan: { lastValue: true } };

  it("may lose what was replaced, and nobody waits for that", () => {
    const { ledger, send, arrive, problems } = openLine(lastValue);
    send(4, noon);
    arrive(1, noon + 10);
    expect(ledger.awaited).toBe(3);
    arrive(4, noon + 11);
    expect(ledger.awaited).toBe(0);
    expect(problems()).toEqual([]);
    expect(ledger.tally()[0]).toMatchObject({ lost: 2, lostPermitted: 2 });
  });

  it("must bring the last one", () => {
    const { send, arrive, problems } = openLine(lastValue);
    send(3, noon);
    arrive(2, noon + 10);
    expect(problems()).toEqual(["count: 1 lost"]);
  });

  it("must end on it, also where an older one may come twice", () => {
    const { line, send, arrive, problems } = openLine(lastValue);
    send(2, noon);
    arrive(1, noon + 10);
    arrive(2, noon + 11);
    line.broke(noon, noon + 12);
    arrive(1, noon + 20);
    expect(problems()).toEqual(["count: 1 whose last value is an older one"]);
  });

  it("may bring a replaced one after the newest where its publisher sends it again, if the newest comes again", () => {
    const { ledger, arrive, problems } = openLine(lastValue);
    for (const atMs of [noon, noon + 1]) ledger.sending(topic, atMs);
    arrive(2, noon + 10);
    ledger.left("meter", noon + 11);
    ledger.returned("meter", noon + 20);
    for (const sequence of [1, 2]) ledger.acknowledged(topic, sequence, noon + 29 + sequence);
    arrive(1, noon + 40);
    arrive(2, noon + 41);
    expect(problems()).toEqual([]);
  });
});

describe("the marks of a bridge", () => {
  const origin: UserProperty = ["waypost-origin", "0123456789abcdef"];
  const hops: UserProperty = ["waypost-hops", "1"];

  it.each([
    ["up", [origin, hops], true],
    ["up", [], false],
    ["up", [origin, origin, hops], false],
    ["up", [origin, ["waypost-hops", "2"]], false],
    ["down", [], true],
    ["down", [origin, hops], true],
    ["down", [hops], false],
  ] as [string, UserProperty[], boolean][])("on the way %s: %j", (direction, marks, isRight) => {
    const ends = direction === "up" ? {} : { sender: "operator", receiver: "lamp" };
    const { send, arrive, problems } = openLine(ends);
    send(1, noon);
    arrive(1, noon + 1, marks);
    expect(problems()).toEqual(isRight ? [] : [expect.stringContaining("1 altered")]);
  });

  it("are nothing that a message between devices at the same end may have", () => {
    const { send, arrive, problems } = openLine({ receiver: "display" });
    send(1, noon);
    arrive(1, noon + 1, [origin, hops]);
    expect(problems()).toEqual([expect.stringContaining("1 altered")]);
  });
});
