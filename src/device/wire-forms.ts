import { type PublishExtras, writePublish } from "../protocol/publish-frame.ts";
import { WireSlab } from "../protocol/wire-slab.ts";
import type { Message, WireVersion } from "../store/message.ts";

/** The bytes of one message in one wire form. */
export interface WireForm {
  message: Message | null;
  readonly version: WireVersion;
  buffer: Buffer;
  start: number;
  end: number;
  expirySeconds: number | undefined;
}

const empty = Buffer.alloc(0);

/**
 * The second wire form of messages, beside the one that each has itself: that of 3.1.1 where it came in the form of MQTT 5,
 * and the other way round. A broadcast goes to all its receivers in one turn, so that remembering the latest message of
 * each kind is enough to write it once.
 */
export class WireForms {
  // Four times what one read of a publisher's stream brings: what a turn writes for one receiver then nearly always lies in
  // one piece. Where it does not, it is copied for every receiver (measured: a tenth of a broadcast to both versions).
  readonly #slab = new WireSlab(4 * 65536);
  /** By version, QoS and retain flag: receivers of the same message may differ in these. */
  readonly #latest: WireForm[] = Array.from({ length: 12 }, (_, index) => ({
    message: null,
    version: index < 6 ? 4 : 5,
    buffer: empty,
    start: 0,
    end: 0,
    expirySeconds: undefined,
  }));

  #last = this.#latest[0] as WireForm;

  /** The message with what its publisher said of it, and under the packet id that follows from its number. */
  of(message: Message, version: WireVersion, now: () => number): WireForm {
    const { properties } = message;
    const last = this.#last;
    if (last.message === message && last.version === version && properties === undefined) return last;
    return this.#find(message, version, now);
  }

  #find(message: Message, version: WireVersion, now: () => number): WireForm {
    const { properties } = message;
    const index = (version === 5 ? 6 : 0) + message.qos * 2 + (message.retain ? 1 : 0);
    const form = this.#latest[index] as WireForm;
    this.#last = form;
    const expirySeconds = version === 5 ? properties?.expiryAt(now()) : undefined;
    if (form.message === message && form.expirySeconds === expirySeconds) return form;
    const place = writePublish(
      this.#slab,
      message,
      message.packetId,
      false,
      version === 5 ? extrasOf(message, expirySeconds) : null,
    );
    form.message = message;
    form.buffer = place.buffer;
    form.start = place.start;
    form.end = place.end;
    form.expirySeconds = expirySeconds;
    return form;
  }
}

/** What MQTT 5 says of a message to every receiver. */
export function extrasOf({ properties }: Message, expirySeconds: number | undefined): PublishExtras {
  return {
    properties: properties === undefined || properties.bytes.length === 0 ? null : properties.bytes,
    expirySeconds,
    topicAlias: 0,
    subscriptionIdentifiers: null,
  };
}
