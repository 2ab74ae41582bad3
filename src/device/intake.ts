import type { Duplex } from "node:stream";
import { FrameReader } from "../protocol/frame-reader.ts";

/** What becomes of the frames of one stream. */
export interface FrameHandler {
  /** One whole frame, which `frames` stands on. What it throws goes to `fail`. */
  handle(frames: FrameReader): void;
  fail(error: unknown): void;
  /** The stream ended, and everything that came before has been handled. */
  ended(): void;
}

/**
 * The incoming side of one stream. Frames are handled one after another, each to its end: while something has to be
 * waited for, the stream is not read, and what was read already waits here.
 */
export class Intake {
  /** A whole packet came since this was last set to false. */
  heard = false;
  readonly #stream: Duplex;
  readonly #frames: FrameReader;
  readonly #handler: FrameHandler;
  /** How many wait for something. */
  #holds = 0;
  #reading = false;
  #paused = false;
  #ending = false;
  #stopped = false;
  #held: Buffer[] | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(stream: Duplex, remainingLengthMax: number, handler: FrameHandler) {
    this.#stream = stream;
    this.#frames = new FrameReader(remainingLengthMax);
    this.#handler = handler;
  }

  /** The largest remaining length that is accepted, in bytes. */
  set remainingLengthMax(bytes: number) {
    this.#frames.remainingLengthMax = bytes;
  }

  /** Bytes arrived: those of `chunk` from `start` to `end`. They must stay as they are. */
  arrived(chunk: Buffer, start: number, end: number): void {
    if (this.#stopped) return;
    if (this.#holds > 0 || this.#reading) {
      this.#held ??= [];
      this.#held.push(chunk.subarray(start, end));
      return;
    }
    this.#frames.push(chunk, start, end);
    this.#read();
    if (this.#paused) this.#goOn(); // what a frame waited for may have come while it was handled
  }

  /** No more bytes will arrive. */
  end(): void {
    if (this.#stopped) return;
    if (this.#holds > 0 || this.#reading) this.#ending = true;
    else this.#handler.ended();
  }

  /** Handles no further frame until `resume` has been called as often. */
  suspend(): void {
    this.#holds++;
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (this.#holds === 0 || --this.#holds > 0 || this.#reading || this.#stopped) return;
    this.#read();
    this.#goOn();
  }

  /** Calls back, once, when everything that came has been handled, or nothing is handled any more. */
  whenIdle(done: () => void): void {
    if (this.#holds === 0 || this.#stopped) return done();
    this.#whenIdle = done;
  }

  /** Handles nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#held = null;
    this.#idle();
  }

  #idle(): void {
    const done = this.#whenIdle;
    this.#whenIdle = null;
    done?.();
  }

  #read(): void {
    this.#reading = true;
    try {
      const frames = this.#frames;
      do {
        while (this.#holds === 0 && !this.#stopped && frames.next()) {
          this.heard = true;
          this.#handler.handle(frames);
        }
      } while (this.#holds === 0 && !this.#stopped && this.#pushHeld());
    } catch (error) {
      this.#handler.fail(error);
    } finally {
      this.#reading = false;
    }
  }

  /** Reads the stream again, unless something has to be waited for. */
  #goOn(): void {
    if (this.#holds > 0 || this.#stopped) return;
    if (this.#ending) return this.#handler.ended();
    this.#paused = false;
    this.#stream.resume();
    if (this.#whenIdle !== null) this.#idleSoon();
  }

  /** What came while the stream was not read arrives in the next turn of the event loop, which two of these enclose. */
  #idleSoon(): void {
    setImmediate(() => setImmediate(() => this.#holds === 0 && this.#idle()));
  }

  #pushHeld(): boolean {
    const chunk = this.#held?.shift();
    if (chunk === undefined) return false;
    if (this.#held?.length === 0) this.#held = null;
    this.#frames.push(chunk, 0, chunk.length);
    return true;
  }
}
