import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import type { CommandContext } from "../../src/command/command-context.ts";

/** A context for commands whose output is kept, with signals to send. */
export function capturedContext(input: Iterable<Buffer> | Readable = []) {
  const stdout = new Capture();
  const stderr = new Capture();
  const signals = new EventEmitter();
  const stdin = input instanceof Readable ? input : Readable.from(input, { objectMode: false });
  const context: CommandContext = { environment: {}, stdin, stdout, stderr, signals };
  return { context, stdout, stderr, signals };
}

export class Capture extends Writable {
  readonly chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.chunks.push(chunk);
    this.emit("captured");
    done();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}
