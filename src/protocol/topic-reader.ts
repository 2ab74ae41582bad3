import { levelCount, topicMistake } from "../topic/topic-rules.ts";
import { WaypostError } from "../waypost-error.ts";
import { readText } from "./text.ts";

export interface TopicLimits {
  topicBytesMax: number;
  topicLevelsMax: number;
}

const SLOTS = 4096;
/** Longer topics are read anew each time, or whoever fills the table with them makes it hold 60 MB. */
const REMEMBERED_BYTES_MAX = 256;

interface Slot {
  bytes: Buffer;
  topic: string;
}

/**
 * Reads topic names of PUBLISH packets. Devices publish to the same few topics again and again, so a topic's bytes are
 * looked up in a small table of topics read before: that saves decoding and checking, and gives the router the same
 * string object each time, whose hash is already computed (measured: a third of the cost of a QoS 0 message).
 */
export class TopicReader {
  readonly #limits: TopicLimits;
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  /**
   * The topic name in the bytes from `start` to `end`.
   * @throws ERR_MALFORMED_PACKET, ERR_TOPIC_INVALID
   */
  read(chunk: Buffer, start: number, end: number): string {
    const length = end - start;
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (chunk[i] as number), 16777619);
    const index = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && slot.bytes.length === length) {
      const bytes = slot.bytes;
      let i = 0;
      while (i < length && bytes[i] === chunk[start + i]) i++;
      if (i === length) return slot.topic;
    }
    const topic = this.#decode(chunk, start, length);
    if (length <= REMEMBERED_BYTES_MAX) {
      this.#slots[index] = { bytes: Buffer.from(chunk.subarray(start, end)), topic };
    }
    return topic;
  }

  #decode(chunk: Buffer, start: number, length: number): string {
    const { topicBytesMax, topicLevelsMax } = this.#limits;
    if (length > topicBytesMax) {
      throw new WaypostError("ERR_TOPIC_INVALID", `a topic of ${length} bytes is over the limit of ${topicBytesMax}`);
    }
    const topic = readText(chunk, start, length, "the topic");
    const mistake = topicMistake(topic);
    if (mistake !== undefined) throw new WaypostError("ERR_TOPIC_INVALID", `the topic is invalid: ${mistake}`);
    const levels = levelCount(topic);
    if (levels > topicLevelsMax) {
      throw new WaypostError("ERR_TOPIC_INVALID", `a topic of ${levels} levels is over the limit of ${topicLevelsMax}`);
    }
    return topic;
  }
}
