import { describe, expect, it } from "vitest";
import { Ledger } from "../../../devices/ledger/ledger.ts";
import { judge } from "../../../devices/ledger/verdict.ts";
import { messageProperties } from "../../../devices/version5/message-properties.ts";
import type { WireProperties } from "../../../devices/version5/read-publish.ts";
import { run, stamped, topic } from "../book.ts";

const { userProperties, ...message } = messageProperties(
  { run, sender: "sensor", topic, sequence: 1, sentAtMs: 0 },
  { flow: "temperature" },
);
const nothing = {
  payloadFormat: undefined,
  expirySeconds: undefined,
  contentType: undefined,
  responseTopic: undefined,
  correlationData: undefined,
  subscriptionIdentifiers: [7],
  userProperties: [],
};
const asSent: WireProperties = { ...nothing, ...message, userProperties: [...userProperties] };
const [first, other, second] = asSent.userProperties;

type Course = { version?: 4 | 5; expirySeconds?: number; atMs?: number; returnedAtMs?: number };

/** What is wrong when a message that was sent and acknowledged at 0 ms comes with these properties. */
function problems(properties: WireProperties, course: Course = {}): string[] {
  const { version = 5, expirySeconds, atMs = 100, returnedAtMs } = course;
  const ledger = new Ledger({ run, permitQos0Loss: false, permitUnacknowledged: false, lateMsMax: 1_000_000 });
  ledger.subscribed("reader", "home/#", 1, 7);
  const expiry = expirySeconds === undefined ? {} : { expirySeconds };
  ledger.open({ flow: "temperature", sender: "sensor", topic, qos: 1, version, ...expiry });
  if (returnedAtMs !== undefined) ledger.left("reader", -1);
  ledger.acknowledged(topic, ledger.sending(topic, 0), 0);
  if (returnedAtMs !== undefined) ledger.returned("reader", returnedAtMs);
  ledger.arrived({ receiver: "reader", topic, decoded: stamped(1), dup: false, atMs, properties });
  const { problems, examples } = judge(ledger.tally(), ledger.incidents);
  return [...problems, ...examples];
}

const altered = (what: string) => [expect.stringContaining("temperature: 1 altered"), expect.stringContaining(what)];

describe("the properties that an MQTT 5 device gets", () => {
  it("pass when they are as they were sent", () => {
    expect(problems(asSent)).toEqual([]);
  });

  it.each([
    ["user properties", "another order", { userProperties: [first!, second!, other!] }], // [MQTT-3.3.2-18]
    ["user properties", "one less", { userProperties: [first!, other!] }],
    ["user properties", "another value", { userProperties: [first!, ["sender", "burglar"] as const, second!] }],
    ["content type", "none", { contentType: undefined }],
    ["response topic", "another", { responseTopic: "burglar/answer" }],
    ["correlation data", "cut", { correlationData: Buffer.from([0xff]) }],
    ["payload format", "one that was not sent", { payloadFormat: 1 }],
    ["subscription identifiers", "another", { subscriptionIdentifiers: [8] }],
    ["subscription identifiers", "twice", { subscriptionIdentifiers: [7, 7] }],
  ])("fail on %s: %s", (what, _, change) => {
    expect(problems({ ...asSent, ...change })).toEqual(altered(what));
  });

  it("must be none when the publisher speaks 3.1.1", () => {
    expect(problems(nothing, { version: 4 })).toEqual([]);
    expect(problems(asSent, { version: 4 })).toEqual(altered("user properties"));
  });
});

describe("the message expiry that an MQTT 5 device gets", () => {
  const waited = { expirySeconds: 3_600, returnedAtMs: 10_000, atMs: 10_100 };

  it.each([3_589, 3_590, 3_591])("may be %i of 3600 s after ten seconds of waiting", (expirySeconds) => {
    expect(problems({ ...asSent, expirySeconds }, waited)).toEqual([]);
  });

  it.each([3_600, 3_592, 3_580, 3_601, undefined])("may not be %s", (expirySeconds) => {
    expect(problems({ ...asSent, expirySeconds }, waited)).toEqual(altered("message expiry"));
  });
});
