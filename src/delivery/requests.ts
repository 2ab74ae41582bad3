import { randomBytes } from "node:crypto";
import type { PublishPacket } from "../broker/edge-broker.ts";
import type { Listener } from "../broker/router.ts";
import type { DeviceContext } from "../device/device-context.ts";
import { PublishProperties } from "../protocol/publish-properties.ts";
import { reasonCode } from "../protocol/reason-code.ts";
import type { StoredPublish } from "../store/stored-packets.ts";
import { levelCount, topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";

/** Where the gateway itself gets answers: no client id is encoded as this level. */
const OWN_ANSWERS = "$reply/$gateway/";
const ANSWERS = "$answer/";
const REQUESTS = "$request/";
/** How long a responder of MQTT 3 may take, where the request itself does not expire before. */
const ANSWER_MS = 60_000;
/** Requests to responders of MQTT 3 whose answer is awaited; the oldest make room. */
const AWAITED_MAX = 10_000;
const AWAITED_BYTES_MAX = 16 * 1024 * 1024;
const TOPIC_BYTES_MAX = 65_535;
/** That of aedes. */
const TOPIC_LEVELS_MAX = 100;
/** Requests of the gateway's own at once. */
const REQUESTS_MAX = 1000;

export interface RequestOptions {
  readonly topic: string;
  readonly payload: Buffer;
  readonly timeoutMs: number;
  readonly qos?: 0 | 1 | 2;
  readonly contentType?: string;
  readonly userProperties?: readonly (readonly [name: string, value: string])[];
}

export type RequestOutcome =
  | {
      readonly outcome: "answer";
      readonly topic: string;
      readonly payload: Buffer;
      readonly properties: object;
      readonly afterMs: number;
    }
  /** Nobody subscribes to the topic. */
  | { readonly outcome: "no-responder" }
  | { readonly outcome: "timeout" };

/** Where the answer to a request goes that was shown to a responder of MQTT 3. */
interface Awaited {
  readonly responseTopic: string;
  readonly correlationData: Buffer | undefined;
  readonly until: number;
}

/**
 * Request and reply. A request is a message with a response topic (MQTT 5, 4.10). Responders of MQTT 3, which do not see it,
 * subscribe to `$request/+/<topic filter>` and publish their answer to `$answer/<id>`, with the second level of what they got.
 */
export class Requests {
  readonly #context: DeviceContext;
  /** By id, the oldest first. */
  readonly #awaited = new Map<string, Awaited>();
  #awaitedBytes = 0;
  readonly #own = new Map<string, (answer: StoredPublish) => void>();
  readonly #withdrawn = new Set<() => void>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  start(): void {
    const { broker } = this.#context;
    const answered: Listener = (packet, done) => {
      this.#answered(packet);
      done();
    };
    const own: Listener = (packet, done) => {
      this.#own.get(packet.topic.slice(OWN_ANSWERS.length))?.(packet);
      done();
    };
    broker.subscribe(`${ANSWERS}+`, answered as never, () => {});
    broker.subscribe(`${OWN_ANSWERS}+`, own as never, () => {});
    broker.requested = (packet, properties, done) => this.#showToMqtt3(packet, properties, done);
  }

  /** Requests under way end with ERR_CLOSED. */
  stop(): void {
    this.#context.broker.requested = null;
    for (const withdraw of this.#withdrawn) withdraw();
  }

  /**
   * Publishes a request and resolves to the first answer; or at once where nobody subscribes to the topic; or when the time is
   * over. A subscriber that is away counts as one: it may come back in time.
   * @throws ERR_USAGE for a topic that nobody can publish to, ERR_LIMIT_EXCEEDED, ERR_CLOSED while stopping
   */
  async request({
    topic,
    payload,
    timeoutMs,
    qos = 1,
    contentType,
    userProperties = [],
  }: RequestOptions): Promise<RequestOutcome> {
    const mistake = topicMistake(topic) ?? (topic.startsWith("$SYS/") ? "it is below $SYS/" : undefined);
    if (mistake !== undefined) {
      throw new WaypostError("ERR_USAGE", `${JSON.stringify(topic)} is no topic to publish to: ${mistake}`);
    }
    if (this.#own.size >= REQUESTS_MAX) {
      throw new WaypostError("ERR_LIMIT_EXCEEDED", `${REQUESTS_MAX} requests wait for their answers: try again later`);
    }
    const { broker, clock } = this.#context;
    const { router } = broker;
    const id = randomBytes(12).toString("hex");
    const properties = PublishProperties.of({
      responseTopic: OWN_ANSWERS + id,
      correlationData: Buffer.from(id),
      messageExpiryInterval: Math.max(1, Math.ceil(timeoutMs / 1000)),
      ...(contentType === undefined ? {} : { contentType }),
      ...(userProperties.length === 0 ? {} : { userProperties: listed(userProperties) }),
    });
    const startedAt = clock.now();
    return new Promise((resolve, reject) => {
      const end = () => {
        cancel();
        this.#own.delete(id);
        this.#withdrawn.delete(withdraw);
      };
      const withdraw = () => {
        end();
        reject(new WaypostError("ERR_CLOSED", "the gateway is stopping and waits for no answers any more"));
      };
      const cancel = clock.after(timeoutMs, () => {
        end();
        resolve({ outcome: "timeout" });
      });
      this.#withdrawn.add(withdraw);
      this.#own.set(id, (answer) => {
        end();
        const { topic: from, payload: text, properties: said } = answer;
        const about = PublishProperties.of(said)?.toJSON() ?? {};
        resolve({
          outcome: "answer",
          topic: from,
          payload: Buffer.from(text),
          properties: about,
          afterMs: clock.now() - startedAt,
        });
      });
      const own = Buffer.from(payload); // by which the router knows it
      router.watch(own);
      broker.publish(
        { cmd: "publish", topic, payload: own, qos, retain: false, dup: false, properties: properties as never },
        (error?: unknown) => {
          if (!error) return;
          end();
          reject(error);
        },
      );
      const code = router.outcome();
      if (code !== reasonCode.noMatchingSubscribers || !broker.residence.hostsAll) return;
      end();
      resolve({ outcome: "no-responder" });
    });
  }

  /** The publisher's acknowledgement waits for them too. */
  #showToMqtt3(
    { topic, payload, qos }: PublishPacket,
    properties: PublishProperties,
    done: (error?: unknown) => void,
  ): boolean {
    const { broker, clock } = this.#context;
    const { responseTopic, correlationData, expiresAt } = properties;
    if (responseTopic === undefined || topic.startsWith(REQUESTS)) return false;
    if (levelCount(topic) > TOPIC_LEVELS_MAX - 2) return false;
    if (responseTopic.startsWith("$SYS/")) return false; // the gateway would publish there for who may not
    const id = randomBytes(12).toString("hex");
    const shown = `${REQUESTS}${id}/${topic}`;
    if (Buffer.byteLength(shown) > TOPIC_BYTES_MAX || !broker.router.reachesOnce(shown)) return false;
    const until = Math.min(clock.now() + ANSWER_MS, expiresAt || Number.POSITIVE_INFINITY);
    this.#awaited.set(id, { responseTopic, correlationData: correlationData && Buffer.from(correlationData), until });
    this.#awaitedBytes += bytesOf(this.#awaited.get(id));
    this.#forgetOld();
    const { messageExpiryInterval } = properties;
    const own = messageExpiryInterval === undefined ? {} : { properties: { messageExpiryInterval } };
    const bytes = Buffer.from(payload as Buffer);
    broker.publish({ cmd: "publish", topic: shown, payload: bytes, qos, retain: false, dup: false, ...own }, () =>
      done(),
    );
    broker.router.reachedOtherwise();
    return true;
  }

  #answered({ topic, payload, qos, clientId }: StoredPublish): void {
    const id = topic.slice(ANSWERS.length);
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) return;
    this.#forget(id);
    if (awaited.until < this.#context.clock.now()) return;
    const { responseTopic, correlationData } = awaited;
    const properties = correlationData === undefined ? {} : { properties: { correlationData } };
    const answer = {
      cmd: "publish" as const,
      topic: responseTopic,
      payload: Buffer.from(payload),
      qos,
      retain: false,
      dup: false,
    };
    const packet = { ...answer, ...properties };
    const { broker } = this.#context;
    const responder = clientId === undefined ? undefined : broker.clients[clientId];
    // It is the responder's answer: where somebody says who may publish what, it is asked for.
    if (broker.authorizePublishHook === null || responder === undefined) broker.publish(packet, () => {});
    else
      broker.authorizePublish(
        responder as never,
        packet as never,
        (error) => error || broker.publish(packet, () => {}),
      );
  }

  #forgetOld(): void {
    const now = this.#context.clock.now();
    for (const [id, { until }] of this.#awaited) {
      if (until >= now && this.#awaited.size <= AWAITED_MAX && this.#awaitedBytes <= AWAITED_BYTES_MAX) return;
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#awaitedBytes -= bytesOf(this.#awaited.get(id));
    this.#awaited.delete(id);
  }
}

/** As mqtt-packet names them: several values of one name as a list. */
function listed(properties: readonly (readonly [name: string, value: string])[]): Record<string, string | string[]> {
  const all = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of properties) {
    const known = all[name];
    if (known === undefined) all[name] = value;
    else all[name] = [...(Array.isArray(known) ? known : [known]), value];
  }
  return all;
}

function bytesOf(awaited: Awaited | undefined): number {
  return awaited === undefined ? 0 : awaited.responseTopic.length + (awaited.correlationData?.length ?? 0);
}
