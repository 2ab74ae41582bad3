import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import type { IClientPublishOptions, MqttClient } from "mqtt";
import type { CommandContext } from "../command/command-context.ts";
import { exitCodes } from "../command/exit-code.ts";
import { usageError } from "../command/usage-error.ts";
import { topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { type ClientFlags, planClient, qosOf } from "./client-options.ts";
import { LastWords } from "./last-words.ts";
import { allOf, linesOf } from "./lines.ts";
import { closeClient, openClient } from "./open-client.ts";
import { refusal } from "./refusal.ts";

export interface PubFlags extends ClientFlags {
  readonly topic?: string;
  readonly message?: string;
  readonly nullMessage?: boolean;
  readonly file?: string;
  readonly stdinLine?: boolean;
  readonly stdinFile?: boolean;
  readonly retain?: boolean;
  readonly verbose?: boolean;
}

/** Unacknowledged QoS 1 and 2 messages at once, as in mosquitto_pub; a gateway may ask for fewer by MQTT 5. */
const inFlightMax = 20;

/** `waypost pub`: publishes and waits for the acknowledgements. Errors: ERR_USAGE, or what went wrong with the gateway. */
export async function pub(flags: PubFlags, context: CommandContext): Promise<number> {
  const plan = planClient(flags, "pub");
  const topic = flags.topic ?? plan.urlTopic;
  if (topic === undefined) throw usageError("-t is missing: the topic to publish to");
  const mistake = topicMistake(topic);
  if (mistake !== undefined) throw usageError(`-t ${JSON.stringify(topic)} is no topic to publish to: ${mistake}`);
  const qos = qosOf("-q", flags.qos ?? "0");
  checkOneSource(flags);
  const payloads = payloadsOf(flags, context.stdin);
  // A file that cannot be read is found before anything is connected.
  const first = flags.stdinLine === true ? undefined : await payloads.next();

  const client = await openClient(plan, { reconnectPeriod: 0 });
  if (flags.verbose === true) remarkUnheard(client, context);
  const properties = plan.options.protocolVersion === 5 ? { properties: plan.properties.publish } : {};
  const options = { qos, retain: flags.retain === true, ...properties };
  const publisher = new Publisher(client, topic, options, plan.place);
  const interrupted = interruption(context);
  try {
    const work = publisher.publishAll(payloads, first?.value).then(() => exitCodes.ok);
    return await Promise.race([work, publisher.lost, interrupted.code]);
  } finally {
    interrupted.stop();
    await closeClient(client, plan.properties.disconnect);
  }
}

const noMatchingSubscribers = 0x10;

/** Says once that nobody was there to hear; a gateway tells it with MQTT 5 and QoS 1 or 2, if it cares to. */
function remarkUnheard(client: MqttClient, { stderr }: CommandContext): void {
  let isSaid = false;
  client.on("packetreceive", (packet) => {
    if (isSaid || (packet.cmd !== "puback" && packet.cmd !== "pubrec")) return;
    if (packet.reasonCode !== noMatchingSubscribers) return;
    isSaid = true;
    stderr.write("waypost pub: nobody has subscribed to the topic\n");
  });
}

class Publisher {
  /** Rejects when the connection ends before the work does. */
  readonly lost: Promise<never>;
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #options: IClientPublishOptions;
  readonly #place: string;
  readonly #windowMax: number;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(client: MqttClient, topic: string, options: IClientPublishOptions, place: string) {
    this.#client = client;
    this.#topic = topic;
    this.#options = options;
    this.#place = place;
    const receiveMaximum = client.serverProperties?.receiveMaximum ?? inFlightMax; // [MQTT-3.3.4-7]
    this.#windowMax = options.qos === 0 ? 1 : Math.min(inFlightMax, receiveMaximum);
    const lastWords = new LastWords(client);
    this.lost = new Promise((_, reject) => {
      client.once("close", () =>
        reject(
          new WaypostError("ERR_UPSTREAM", `${place} closed the connection${lastWords.text}: not all was published`),
        ),
      );
    });
    // It may reject while nobody waits for it.
    this.lost.catch(() => {});
  }

  async publishAll(payloads: AsyncIterable<Buffer>, first: Buffer | undefined): Promise<void> {
    if (first !== undefined) await this.publish(first);
    for await (const payload of payloads) await this.publish(payload);
    await Promise.all(this.#inFlight);
  }

  /** Returns when there is room for the next message: a pipe is read no faster than the gateway takes it. */
  async publish(payload: Buffer): Promise<void> {
    const settled = this.#send(payload).finally(() => this.#inFlight.delete(settled));
    this.#inFlight.add(settled);
    settled.catch(() => {});
    if (this.#inFlight.size >= this.#windowMax) await Promise.race(this.#inFlight);
  }

  #send(payload: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.publish(this.#topic, payload, this.#options, (error, packet) => {
        if (error) reject(refusal(error, packet, { place: this.#place, topic: this.#topic }));
        else resolve();
      });
    });
  }
}

function checkOneSource({ message, nullMessage, file, stdinLine, stdinFile }: PubFlags): void {
  const given = [message, nullMessage, file, stdinLine, stdinFile].filter((value) => value !== undefined);
  if (given.length === 0)
    throw usageError("no message: give one with -m, -n (empty), -f FILE, -s or -l (standard input)");
  if (given.length > 1) throw usageError("only one of -m, -n, -f, -s and -l can be given");
}

async function* payloadsOf(flags: PubFlags, stdin: Readable): AsyncGenerator<Buffer> {
  if (flags.message !== undefined) yield Buffer.from(flags.message);
  else if (flags.nullMessage === true) yield Buffer.alloc(0);
  else if (flags.file !== undefined) yield await fileContents(flags.file);
  else if (flags.stdinFile === true) yield await allOf(stdin);
  else yield* linesOf(stdin);
}

async function fileContents(file: string): Promise<Buffer> {
  try {
    return await allOf(createReadStream(file));
  } catch (error) {
    if (error instanceof WaypostError) throw error;
    throw usageError(`-f ${file} cannot be read: ${(error as Error).message}`);
  }
}

function interruption({ signals }: CommandContext): { code: Promise<number>; stop: () => void } {
  let stop = () => {};
  const code = new Promise<number>((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => resolve(signal === "SIGINT" ? 130 : 143);
    signals.on("SIGINT", onSignal);
    signals.on("SIGTERM", onSignal);
    stop = () => {
      signals.off("SIGINT", onSignal);
      signals.off("SIGTERM", onSignal);
    };
  });
  return { code, stop };
}
