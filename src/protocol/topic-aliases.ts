import { WaypostError } from "../waypost-error.ts";
import { reasonCode } from "./reason-code.ts";

/** The topic aliases that one client has set on its connection (MQTT 5, 3.3.2.3.4); they die with it [MQTT-3.3.2-7]. */
export class InboundAliases {
  /** The highest alias that the client may use; 0 for none. */
  readonly max: number;
  #topics: string[] | null = null;

  constructor(max: number) {
    this.max = max;
  }

  /**
   * What the alias stood for ends here: a PUBLISH brings another topic for it, of which is not known yet whether it is
   * accepted. Where it is not, the client goes on all the same, and must not reach the topic of before.
   */
  unset(alias: number): void {
    if (alias > this.max) return;
    this.#topics ??= [];
    this.#topics[alias] = "";
  }

  /**
   * The topic that a PUBLISH with this alias means; a topic that is not empty is what the alias means from here on.
   * @throws ERR_PROTOCOL_VIOLATION with 0x94 for an alias beyond the maximum [MQTT-3.3.2-9], else for one that was not set
   * @throws ERR_TOPIC_INVALID for one that was set to a topic that was not accepted
   */
  resolve(alias: number, topic: string): string {
    if (alias > this.max) {
      const why = `the topic alias ${alias} is over the maximum of ${this.max}`;
      throw new WaypostError("ERR_PROTOCOL_VIOLATION", why, { reasonCode: reasonCode.topicAliasInvalid });
    }
    if (topic !== "") {
      this.#topics ??= [];
      this.#topics[alias] = topic;
      return topic;
    }
    const known = this.#topics?.[alias];
    if (known === undefined) throw new WaypostError("ERR_PROTOCOL_VIOLATION", `the topic alias ${alias} was never set`);
    if (known === "") throw new WaypostError("ERR_TOPIC_INVALID", `the topic of the alias ${alias} was not accepted`);
    return known;
  }
}

/** What a topic costs without its alias, beyond the three bytes of the property. */
const WORTHWHILE_BYTES = 4;
/** How much more often than the least used topic that has an alias another one must come to take its place. */
const LEAD = 4;

interface Aliased {
  alias: number;
  uses: number;
}

/** The topic aliases towards one client: the topics that it gets most often have one, as many as it takes. */
export class OutboundAliases {
  readonly #max: number;
  readonly #aliased = new Map<string, Aliased>();
  /** How often topics without an alias came of late. */
  readonly #candidates = new Map<string, number>();

  /** `max` is the client's topic alias maximum [MQTT-3.1.2-26]. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The alias of the topic, negative where the client does not know it yet and the topic has to go along; 0 for none. */
  of(topic: string): number {
    if (topic.length < WORTHWHILE_BYTES) return 0;
    const known = this.#aliased.get(topic);
    if (known !== undefined) {
      known.uses++;
      return known.alias;
    }
    if (this.#aliased.size < this.#max) return this.#set(topic, this.#aliased.size + 1, 1);
    const uses = (this.#candidates.get(topic) ?? 0) + 1;
    if (uses < LEAD) {
      this.#note(topic, uses);
      return 0;
    }
    return this.#replace(topic, uses);
  }

  #replace(topic: string, uses: number): number {
    let least: [string, Aliased] | undefined;
    for (const each of this.#aliased) if (least === undefined || each[1].uses < least[1].uses) least = each;
    if (least === undefined || least[1].uses + LEAD > uses) {
      this.#note(topic, uses);
      return 0;
    }
    const [old, { alias }] = least;
    this.#aliased.delete(old);
    this.#candidates.delete(topic);
    return this.#set(topic, alias, uses);
  }

  #set(topic: string, alias: number, uses: number): number {
    this.#aliased.set(topic, { alias, uses });
    return -alias;
  }

  /** When there are many candidates all counts are halved: what was often used long ago makes room. */
  #note(topic: string, uses: number): void {
    this.#candidates.set(topic, uses);
    if (this.#candidates.size <= 4 * this.#max) return;
    for (const [each, count] of this.#candidates) {
      if (count < 2) this.#candidates.delete(each);
      else this.#candidates.set(each, count >> 1);
    }
    for (const aliased of this.#aliased.values()) aliased.uses >>= 1;
  }
}
