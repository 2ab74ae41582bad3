/** Sends an acknowledgement to the peer. */
export interface AcknowledgementSender {
  sendAcknowledgement(firstByte: number, packetId: number): void;
}

/** The place of one acknowledgement in its line. */
export interface Acknowledgement {
  readonly firstByte: number;
  readonly packetId: number;
  due: boolean;
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
  add(firstByte: number, packetId: number): Acknowledgement {
    const place = { firstByte, packetId, due: false };
    this.#waiting.push(place);
    return place;
  }

  /** The message was accepted: its acknowledgement leaves as soon as all before it have left. */
  due(place: Acknowledgement): void {
    place.due = true;
    let first = this.#waiting[0];
    while (first?.due) {
      this.#waiting.shift();
      this.#sender.sendAcknowledgement(first.firstByte, first.packetId);
      first = this.#waiting[0];
    }
  }
}
