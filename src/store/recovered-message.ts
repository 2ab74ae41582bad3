import type { MessageDocument } from "./documents.ts";
import type { Segment } from "./segment.ts";

/** A message that was read, and who has not settled it. Nearly all have one receiver, and need no map of them. */
export class RecoveredMessage {
  readonly document: MessageDocument;
  readonly place: Segment;
  private all: Map<string, 1 | 2> | null = null;
  private sentTo: Set<string> | null = null;

  constructor(document: MessageDocument, place: Segment) {
    this.document = document;
    this.place = place;
  }

  /** The QoS for each client that has not settled it. */
  get receivers(): Map<string, 1 | 2> {
    this.all ??= receiversOf(this.document);
    return this.all;
  }

  /** The one client that waits for it, at the QoS of the message; undefined where they are several. */
  get only(): string | undefined {
    const { to, to1 } = this.document;
    return this.all === null && to.length === 1 && to1 === undefined ? to[0] : undefined;
  }

  /** Those that it was sent to. */
  get sent(): Set<string> {
    this.sentTo ??= new Set(this.document.sent);
    return this.sentTo;
  }

  wasSentTo(clientId: string): boolean {
    return this.sentTo?.has(clientId) ?? this.document.sent?.includes(clientId) ?? false;
  }

  /** Returns whether nobody is left. */
  settledBy(clientId: string): boolean {
    if (this.only !== undefined) return this.only === clientId;
    this.receivers.delete(clientId);
    return this.receivers.size === 0;
  }
}

function receiversOf({ q, to, to1 = [] }: MessageDocument): Map<string, 1 | 2> {
  const receivers = new Map<string, 1 | 2>();
  for (const clientId of to) receivers.set(clientId, q === 2 ? 2 : 1);
  for (const clientId of to1) receivers.set(clientId, 1);
  return receivers;
}
