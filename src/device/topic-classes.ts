import type { Kind } from "../actor/mailbox.ts";
import type { Durability } from "../store/durability.ts";
import { FilterTree } from "../topic/filter-tree.ts";
import { isHiddenFrom } from "../topic/topic-rules.ts";
import type { TopicClassSettings, WhenFull } from "./device-settings.ts";

/** What messages of some topics have in common. What is undefined is as for all messages. */
export interface TopicClass extends Kind {
  readonly durability: Durability | undefined;
  readonly whenFull: WhenFull | undefined;
  readonly timeToLiveSeconds: number | undefined;
  /** Over all mailboxes together; Infinity for no limit. */
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** Topics whose class is remembered. A topic beyond that costs a walk through the tree of filters. */
const REMEMBERED_MAX = 10_000;
const ORDINARY_PRIORITY = 4;

interface Place {
  readonly filter: string;
  readonly order: number;
  readonly topicClass: TopicClass;
}

type Changeable = { -readonly [Key in keyof TopicClass]: TopicClass[Key] };

/**
 * Topic -> class, by the list in the settings; a list that replaces it there takes effect at once. A class is known by its
 * topics: with the same ones it stays the same object under the same index, with what the settings say of it by then. One
 * that is gone stays as it was for the messages of it that wait, and its index is never given to another.
 */
export class TopicClasses {
  /** The class of topics that no other one matches. */
  readonly ordinary: TopicClass = classWithin(0);
  readonly #settings: { readonly classes: readonly TopicClassSettings[] };
  readonly #byIndex: Changeable[] = [this.ordinary];
  readonly #byTopics = new Map<string, Changeable>();
  readonly #remembered = new Map<string, TopicClass>();
  #classes: readonly TopicClassSettings[] = [];
  #tree = new FilterTree<Place>();

  constructor(settings: { readonly classes: readonly TopicClassSettings[] }) {
    this.#settings = settings;
  }

  of(topic: string): TopicClass {
    if (this.#classes !== this.#settings.classes) this.#read(this.#settings.classes);
    if (this.#classes.length === 0) return this.ordinary;
    return this.#remembered.get(topic) ?? this.#find(topic);
  }

  /** The class of a message that waits. */
  ofMessage({ kind }: { readonly kind: Kind }): TopicClass {
    return this.at(kind.index);
  }

  /** The class of this index: the ordinary one, where there never was such a class. */
  at(index: number): TopicClass {
    if (this.#classes !== this.#settings.classes) this.#read(this.#settings.classes);
    return this.#byIndex[index] ?? this.ordinary;
  }

  #find(topic: string): TopicClass {
    let first: Place | undefined;
    for (const place of this.#tree.matching(topic)) {
      if (isHiddenFrom(place.filter, topic)) continue; // [MQTT-4.7.2-1]
      if (first === undefined || place.order < first.order) first = place;
    }
    const topicClass = first?.topicClass ?? this.ordinary;
    if (this.#remembered.size >= REMEMBERED_MAX) this.#remembered.clear();
    this.#remembered.set(topic, topicClass);
    return topicClass;
  }

  #read(classes: readonly TopicClassSettings[]): void {
    this.#classes = classes;
    this.#remembered.clear();
    this.#tree = new FilterTree();
    const read = new Set<Changeable>();
    for (const [order, settings] of classes.entries()) {
      const topicClass = this.#classWith(settings.topics);
      if (read.has(topicClass)) continue; // an earlier class has just these topics
      read.add(topicClass);
      Object.assign(topicClass, classWithin(topicClass.index, settings));
      for (const filter of settings.topics) {
        if (this.#tree.get(filter) === undefined) this.#tree.set(filter, { filter, order, topicClass });
      }
    }
  }

  #classWith(topics: readonly string[]): Changeable {
    const key = JSON.stringify([...new Set(topics)].sort());
    let topicClass = this.#byTopics.get(key);
    if (topicClass === undefined) {
      topicClass = classWithin(this.#byIndex.length);
      this.#byIndex.push(topicClass);
      this.#byTopics.set(key, topicClass);
    }
    return topicClass;
  }
}

function classWithin(index: number, settings: Partial<TopicClassSettings> = {}): Changeable {
  return {
    index,
    priority: settings.priority ?? ORDINARY_PRIORITY,
    durability: settings.durability,
    whenFull: settings.whenFull,
    timeToLiveSeconds: settings.timeToLiveSeconds,
    messagesMax: settings.messagesMax ?? Number.POSITIVE_INFINITY,
    bytesMax: settings.bytesMax ?? Number.POSITIVE_INFINITY,
  };
}
