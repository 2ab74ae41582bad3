import { createHash } from "node:crypto";

/** So long an upstream may take to send back what it was sent. */
const REMEMBERED_MS = 10_000;
const REMEMBERED_MAX = 10_000;

/**
 * Knows what was sent to an upstream that sends it back because it knows no No Local. As often as a message was sent, it is
 * an echo when it comes.
 */
export class EchoMemory {
  readonly #sent = new Map<string, { count: number; at: number }>();

  /** `topic` as at the upstream, `now` in milliseconds. */
  sent(topic: string, payload: Buffer, now: number): void {
    const key = keyOf(topic, payload);
    const known = this.#sent.get(key);
    const count = known !== undefined && now - known.at < REMEMBERED_MS ? known.count : 0;
    this.#sent.delete(key); // to stand at the end
    this.#sent.set(key, { count: count + 1, at: now });
    for (const [oldest, { at }] of this.#sent) {
      if (this.#sent.size <= REMEMBERED_MAX && now - at < REMEMBERED_MS) break;
      this.#sent.delete(oldest);
    }
  }

  /** The upstream went away at `since`, and sends its echoes later. */
  renew(since: number, now: number): void {
    for (const [key, known] of this.#sent) {
      if (since - known.at < REMEMBERED_MS) known.at = now;
      else this.#sent.delete(key);
    }
  }

  /** Whether this is one; it is forgotten then. */
  isEcho(topic: string, payload: Buffer, now: number): boolean {
    const key = keyOf(topic, payload);
    const known = this.#sent.get(key);
    if (known === undefined) return false;
    if (--known.count === 0) this.#sent.delete(key);
    return now - known.at < REMEMBERED_MS;
  }
}

function keyOf(topic: string, payload: Buffer): string {
  return createHash("sha1").update(topic).update("\0").update(payload).digest("base64");
}
