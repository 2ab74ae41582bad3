import type { Socket } from "node:net";

/** `pass` at full speed, or at so many bytes a second; `hold` reads nothing; `drop` reads all, and it goes nowhere. */
export type Flow = "pass" | "hold" | "drop" | { bytesPerSecond: number };

const turnMs = 25;

/** Carries bytes from one socket to another, at the pace that it is told, and holds as little as possible itself. */
export class Pump {
  readonly #from: Socket;
  readonly #to: Socket;
  #flow: Flow = "hold";
  #waiting: Buffer[] = [];
  #turn: NodeJS.Timeout | undefined;
  #creditBytes = 0;
  #hasEnded = false;
  /** Whether anything has passed. */
  hasCarried = false;

  constructor(from: Socket, to: Socket) {
    this.#from = from;
    this.#to = to;
    from.pause();
    from.on("data", (chunk: Buffer) => {
      if (this.#flow === "drop") return;
      this.#waiting.push(chunk);
      this.#move();
    });
    from.on("end", () => {
      this.#hasEnded = true;
      this.#move();
    });
    to.on("drain", () => this.#move());
  }

  flow(flow: Flow): void {
    this.#flow = flow;
    this.#creditBytes = 0;
    if (flow === "drop") this.#waiting = [];
    this.#move();
  }

  /** Carries nothing any more, and reads on, so that the end is heard. */
  stop(): void {
    clearTimeout(this.#turn);
    this.flow("drop");
  }

  #move(): void {
    const flow = this.#flow;
    if (flow === "pass") this.#write(Number.POSITIVE_INFINITY);
    else if (typeof flow === "object") this.#takeTurn(flow.bytesPerSecond);
    const isFull = this.#waiting.length > 0 || this.#to.writableNeedDrain;
    if (flow === "drop" || (flow !== "hold" && !isFull)) this.#from.resume();
    else this.#from.pause();
    if (this.#hasEnded && this.#waiting.length === 0 && flow !== "hold" && flow !== "drop") this.#to.end();
  }

  #takeTurn(bytesPerSecond: number): void {
    this.#creditBytes -= this.#write(this.#creditBytes);
    if (this.#waiting.length === 0 || this.#turn !== undefined) return;
    this.#turn = setTimeout(() => {
      this.#turn = undefined;
      this.#creditBytes += (bytesPerSecond * turnMs) / 1_000;
      this.#move();
    }, turnMs);
  }

  /** Gives how many bytes it has written, at most `bytesMax`. */
  #write(bytesMax: number): number {
    let written = 0;
    while (this.#waiting.length > 0 && bytesMax - written >= 1 && this.#to.writable && !this.#to.writableNeedDrain) {
      const chunk = this.#waiting.shift()!;
      const part = chunk.subarray(0, Math.min(chunk.length, Math.floor(bytesMax - written)));
      if (part.length < chunk.length) this.#waiting.unshift(chunk.subarray(part.length));
      this.#to.write(part);
      written += part.length;
    }
    if (written > 0) this.hasCarried = true;
    return written;
  }
}
