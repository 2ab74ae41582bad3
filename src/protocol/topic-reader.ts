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
  #last: Slot | undefined;

  constructor(limits: TopicLimits) {
    this.#limits = limits;
  }

  /**
   * The topic name in the bytes from `start` to `end`.
   * @throws ERR_MALFORMED_PACKET, ERR_TOPIC_INVALID
   */
  read(chunk: Buffer, start: number, end: number): string {
    const length = end - start;
    // What comes in one chunk is mostly from one device, and to one topic.
    const last = this.#last;
    if (last !== undefined && isTopic(last, chunk, start, length)) return last.topic;
    let hash = length;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (chunk[i] as number), 16777619);
    const index = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && isTopic(slot, chunk, start, length)) {
      this.#last = slot;
      return slot.topic;
    }
    const topic = this.#decode(chunk, start, length);
    if (length <= REMEMBERED_BYTES_MAX) {
      this.#last = { bytes: Buffer.from(chunk.subarray(start, end)), topic };
      this.#slots[index] = this.#last;
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

function isTopic({ bytes }: Slot, chunk: Buffer, start: number, length: number): boolean {
  if (bytes.length !== length) return false;
  // From the end: topics mostly begin alike.
  for (let i = length - 1; i >= 0; i--) if (bytes[i] !== chunk[start + i]) return false;
  return true;
}
