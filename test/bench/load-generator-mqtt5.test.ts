import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IPublishPacket } from "mqtt-packet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChildProcesses } from "../../bench/child-processes.ts";
import { LoadGenerator, type LoadOptions } from "../../bench/load-generator.ts";
import type { Sample } from "../../bench/sample.ts";
import { compilerInstalled } from "./compiler-installed.ts";
import { type Fussiness, FussyBroker } from "./fussy-broker.ts";

describe.skipIf(!compilerInstalled())("the load generator in MQTT 5", () => {
  const children = new ChildProcesses();
  const folder = mkdtempSync(join(tmpdir(), "waypost-bench-test-"));
  let generator: LoadGenerator;

  beforeAll(() => {
    generator = new LoadGenerator(children, folder);
  });
  afterAll(() => {
    children.killAll();
    rmSync(folder, { recursive: true });
  });

  const messages = 300;

  async function load(fussiness: Fussiness, options: LoadOptions): Promise<{ result: Sample; broker: FussyBroker }> {
    const broker = await FussyBroker.start(fussiness);
    try {
      const run = { mode: "pair", protocol: "5", "warmup-ms": 0, messages, port: broker.port };
      return { result: await generator.run({ ...run, ...options }), broker };
    } finally {
      await broker.stop();
    }
  }

  it("keeps to the receive maximum of the broker [MQTT-3.3.4-7]", async () => {
    const { result, broker } = await load({ connack: { receiveMaximum: 7 } }, { qos: 1 });
    expect(broker.unacknowledgedMax).toBe(7);
    expect(result).toMatchObject({ received: messages, lost: 0, receiveMaximum: 7 });
  });

  it("sends at QoS 0 without regard to it", async () => {
    const { result } = await load({ connack: { receiveMaximum: 1 } }, { qos: 0 });
    expect(result).toMatchObject({ received: messages, lost: 0 });
  });

  it("reads acknowledgements with and without reason codes and properties", async () => {
    const reasonString = [0x1f, 0, 4, ...Buffer.from("none")];
    const pubackTails = [[], [0x10], [0x00, 0], [0x10, reasonString.length, ...reasonString]];
    const { result } = await load({ connack: { receiveMaximum: 1 }, pubackTails }, { qos: 1 });
    expect(result).toMatchObject({ received: messages, lost: 0 });
  });

  it("finds the message behind all properties that a broker may send", async () => {
    const deliver = (packet: IPublishPacket): IPublishPacket => ({
      ...packet,
      properties: {
        payloadFormatIndicator: false,
        messageExpiryInterval: 60,
        responseTopic: "answers",
        correlationData: Buffer.alloc(200),
        subscriptionIdentifier: 300,
        userProperties: { added: "by the broker" },
        contentType: "text/plain",
      },
    });
    const { result } = await load({ deliver }, { qos: 1 });
    expect(result).toMatchObject({ received: messages, lost: 0, outOfOrder: 0 });
  });

  it("says its topic once where the broker takes aliases, and understands those of the broker", async () => {
    let delivered = 0;
    const deliver = (packet: IPublishPacket): IPublishPacket => ({
      ...packet,
      topic: delivered++ === 0 ? "bench/0/data" : "",
      properties: { topicAlias: 3 },
    });
    const { result, broker } = await load({ connack: { topicAliasMaximum: 1 }, deliver }, { "topic-aliases": 1 });
    expect(broker.topics.slice(0, 3)).toEqual(["bench/0/data", "", ""]);
    expect(result).toMatchObject({ received: messages, lost: 0 });
  });

  it("sends the properties that it is told to, and gets them back", async () => {
    const seen: IPublishPacket["properties"][] = [];
    const deliver = (packet: IPublishPacket) => {
      seen.push(packet.properties);
      return packet;
    };
    const { result } = await load({ deliver }, { properties: 2 });
    expect(seen[0]).toEqual({
      contentType: "application/octet-stream",
      userProperties: { "name-0": "value", "name-1": "value" },
    });
    expect(result).toMatchObject({ received: messages, lost: 0 });
  });

  it("counts what more than one worker of a group gets, or none", async () => {
    const group = { mode: "share", publishers: 1, subscribers: 2, "measure-ms": 200 };
    let delivery = 0;
    let first: IPublishPacket | undefined;
    // Both workers get every message, but for the third, in whose place they get the first once more.
    const deliver = (packet: IPublishPacket) => {
      first ??= packet;
      delivery++;
      return delivery === 5 || delivery === 6 ? first : packet;
    };
    const { result } = await load({ deliver }, { ...group, messages: 10 });
    expect(result).toMatchObject({ expected: 10, received: 9, lost: 1, outOfOrder: 11 });
  });

  it.each<[string, Fussiness, LoadOptions]>([
    ["0 of 2 user properties", { deliver: (packet) => ({ ...packet, properties: {} }) }, { properties: 2 }],
    ["takes no topic aliases", {}, { "topic-aliases": 1 }],
    ["topic alias 5; 0 were offered", { deliver: (packet) => ({ ...packet, properties: { topicAlias: 5 } }) }, {}],
    ["PUBLISH was refused, reason 0x97", { pubackTails: [[0x97]] }, { qos: 1 }],
    ["no QoS above 0", { connack: { maximumQoS: 0 } }, { qos: 1 }],
    ["malformed properties", { pubackTails: [[0, 5, 0x1f]] }, { qos: 1 }],
  ])("gives up on a broker and says why: %s", async (reason, fussiness, options) => {
    await expect(load(fussiness, options)).rejects.toMatchObject({
      code: "ERR_UPSTREAM",
      message: expect.stringContaining(reason),
    });
  });

  it("has no properties or aliases in 3.1.1", async () => {
    const run = generator.run({ mode: "pair", port: 1, properties: 1 });
    await expect(run).rejects.toMatchObject({ message: expect.stringContaining("--protocol 5") });
  });
});
