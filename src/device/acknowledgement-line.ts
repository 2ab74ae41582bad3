import { WaypostError } from "../waypost-error.ts";

/** Sends an acknowledgement to the peer. */
export interface AcknowledgementSender {
  readonly closed: boolean;
  sendAcknowledgement(firstByte: number, packetId: number, code?: number, why?: string): void;
  fail(error: unknown): void;
}

/** The place of one acknowledgement in its line. */
export class Acknowledgement {
  readonly firstByte: number;
  readonly packetId: number;
  /** What MQTT 5 says of the outcome, and why. */
  code: number;
  why: string | undefined;
  isDue = false;
  readonly #line: AcknowledgementLine;

  constructor(line: AcknowledgementLine, firstByte: number, packetId: number, code: number, why: string | undefined) {
    this.#line = line;
    this.firstByte = firstByte;
    this.packetId = packetId;
    this.code = code;
    this.why = why;
  }

  /** What it waited for has happened, or failed. */
  readonly settle = (error?: unknown): void => {
    if (error) this.#line.failed(error);
    else this.#line.due(this);
  };
}

/**
 * PUBACKs and PUBRECs leave in the order in which their messages came [MQTT-4.6.0-2] [MQTT-4.6.0-3], although a store
 * may accept a later message first.
 */
export class AcknowledgementLine {
  readonly #sender: AcknowledgementSender;
  readonly #waiting: Acknowledgement[] = [];

  constructor(sender: AcknowledgementSender) {
    this.#sender = sender;
  }

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes the place of a message that has just come. */
  add(firstByte: number, packetId: number, code = 0, why?: string): Acknowledgement {
    const place = new Acknowledgement(this, firstByte, packetId, code, why);
    this.#waiting.push(place);
    return place;
  }

  /** The message was accepted: its acknowledgement leaves as soon as all before it have left. */
  due(place: Acknowledgement): void {
    if (this.#sender.closed) return; // it may be gone by now
    place.isDue = true;
    let first = this.#waiting[0];
    while (first?.isDue) {
      this.#waiting.shift();
      this.#sender.sendAcknowledgement(first.firstByte, first.packetId, first.code, first.why);
      first = this.#waiting[0];
    }
  }

  failed(error: unknown): void {
    this.#sender.fail(error instanceof WaypostError ? error : notAccepted(error));
  }
}

function notAccepted(error: unknown): WaypostError {
  const why = `a message was not accepted: ${error instanceof Error ? error.message : String(error)}`;
  return new WaypostError("ERR_STORE", why, { cause: error });
}
