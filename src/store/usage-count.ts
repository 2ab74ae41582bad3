import type { Message } from "./message.ts";
import type { Usage } from "./usage.ts";

/** Counts the messages that a store keeps, each once, in sum and by kind. */
export class UsageCount implements Usage {
  messages = 0;
  bytes = 0;
  readonly #kinds: { messages: number; bytes: number }[] = [];

  ofKind(index: number): { messages: number; bytes: number } {
    let kind = this.#kinds[index];
    if (kind === undefined) {
      kind = { messages: 0, bytes: 0 };
      this.#kinds[index] = kind;
    }
    return kind;
  }

  add(message: Message): void {
    this.#count(message, 1);
  }

  remove(message: Message): void {
    this.#count(message, -1);
  }

  #count({ kind: { index }, bytes }: Message, sign: 1 | -1): void {
    this.messages += sign;
    this.bytes += sign * bytes;
    const kind = this.ofKind(index);
    kind.messages += sign;
    kind.bytes += sign * bytes;
  }
}
