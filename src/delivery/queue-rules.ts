import { createHash } from "node:crypto";
import type { Kind } from "../actor/lane.ts";
import type { TopicClass } from "../device/topic-classes.ts";
import type { Message } from "../store/message.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import type { Ordering } from "./queue-line.ts";
import type { QueueSettings } from "./queue-settings.ts";

const ORDINARY_PRIORITY = 4;
const DELAY_SECONDS_MAX = 365 * 24 * 3600;
/** A longer key stands as its digest: many are remembered, and V8 tells very long texts apart by their length alone. */
const KEY_LENGTH_MAX = 64;

/** All that a queue has of each priority. Limits of classes of topics are not for queues. */
const classes: readonly TopicClass[] = Array.from({ length: 10 }, (_, priority) => ({
  index: priority,
  priority,
  durability: undefined,
  whenFull: undefined,
  timeToLiveSeconds: undefined,
  messagesMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
}));

/** What the settings of a queue say of a message. They may be replaced; each message is judged by those of the moment. */
export class QueueRules implements Ordering {
  readonly now: () => number;
  #settings: QueueSettings;
  #priorities = new FilterTree<{ order: number; priority: number }>();

  constructor(settings: QueueSettings, now: () => number) {
    this.now = now;
    this.#settings = settings;
    this.#readPriorities();
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  set settings(settings: QueueSettings) {
    this.#settings = settings;
    this.#readPriorities();
  }

  /** That of its user property `priority`, of the first of the settings that matches, or 4. */
  ofMessage(message: { readonly kind: Kind }): TopicClass {
    return classes[this.#priorityOf(message as Message)] as TopicClass;
  }

  kindOf(message: Message): Kind {
    return this.ofMessage(message);
  }

  /** The user property `delay`, in seconds, or that of the settings, counts from when the message came. */
  dueAt({ properties, publishedAt }: Message): number {
    const own = numberOf(properties?.userProperty("delay"));
    const seconds = Math.min(own ?? this.#settings.delaySeconds, DELAY_SECONDS_MAX);
    if (seconds === 0) return 0;
    const cameAt = publishedAt * 1000; // in whole seconds: it came within the second after that
    const now = this.now();
    return (now - cameAt < 1000 ? now : cameAt + 1000) + seconds * 1000;
  }

  /** By what messages are divided; undefined for one that any consumer may have. */
  keyOf({ topic, properties }: Message): string | undefined {
    const { dispatch, keyProperty, keyTopicLevel } = this.#settings;
    if (dispatch !== "by-key") return undefined;
    const own = properties?.userProperty(keyProperty);
    const key = own ?? (keyTopicLevel === undefined ? undefined : topic.split("/", keyTopicLevel)[keyTopicLevel - 1]);
    if (key === undefined || key.length <= KEY_LENGTH_MAX) return key && Buffer.from(key).toString(); // no slice of a topic
    return createHash("sha256").update(key).digest("base64");
  }

  #priorityOf({ topic, properties }: Message): number {
    const own = numberOf(properties?.userProperty("priority"));
    if (own !== undefined && Number.isInteger(own) && own <= 9) return own;
    if (this.#settings.priorities.length === 0) return ORDINARY_PRIORITY;
    let first: { order: number; priority: number } | undefined;
    for (const rule of this.#priorities.matching(topic))
      if (first === undefined || rule.order < first.order) first = rule;
    return first?.priority ?? ORDINARY_PRIORITY;
  }

  #readPriorities(): void {
    this.#priorities = new FilterTree();
    for (const [order, { topics, priority }] of this.#settings.priorities.entries()) {
      for (const filter of topics) {
        if (this.#priorities.get(filter) === undefined) this.#priorities.set(filter, { order, priority });
      }
    }
  }
}

/** The number that a text is, not below 0; undefined where it is none. */
function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && text.length <= 30 && /^\d+([.]\d+)?$/.test(text) ? Number(text) : undefined;
}
