import type { PublishProperties } from "../protocol/publish-properties.ts";
import { bridgeNameOf } from "./bridge-session.ts";
import type { StateDocument } from "./documents.ts";
import { mailboxName } from "./mailbox-name.ts";
import { OVERHEAD_BYTES } from "./message.ts";
import type { MessageContent } from "./message-content.ts";
import { propertiesOfText } from "./properties-text.ts";
import { queueNameOf, queueSessionId } from "./queue-session.ts";
import type { StoredState } from "./read-store.ts";
import type { RecoveredMessage } from "./recovered-message.ts";
import type { Segment } from "./segment.ts";
import { NEVER_EXPIRES } from "./store.ts";
import type {
  InspectedBridge,
  InspectedDevice,
  InspectedMessage,
  InspectedQueue,
  InspectedSegment,
  InspectedSharedSubscription,
  InspectedWill,
  StoreInspection,
} from "./store-inspection.ts";

/** What a store holds; `now` in milliseconds since the Unix epoch. */
export function inspectStore(state: StoredState, now: number): StoreInspection {
  const { sessions, queues: known, wills, ...totals } = countState(state, now);
  for (const message of state.messages) {
    totals.messages++;
    totals.bytes += countMessage(sessions, message, now);
  }
  const segments = segmentsOf(state);
  const sorted = [...sessions.values()].sort((a, b) => b.messages - a.messages || (a.device < b.device ? -1 : 1));
  const devices = sorted.filter(({ device }) => mailboxName(device) === undefined);
  const { sharedSubscriptions, queues, bridges } = mailboxesOf(sorted, known);
  return {
    directory: state.directory,
    totals: {
      devices: devices.length,
      sharedSubscriptions: sharedSubscriptions.length,
      queues: queues.length,
      bridges: bridges.length,
      ...totals,
      oldestAgeSeconds: sorted.reduce<number | null>((oldest, each) => older(oldest, each.oldestAgeSeconds), null),
      wills: wills.length,
      bytesOnDisk: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    devices,
    sharedSubscriptions,
    queues,
    bridges,
    wills,
    segments,
  };
}

/** Those that are not of devices. `known`: what is kept of queues beside what waits in them, by their session. */
function mailboxesOf(
  sessions: readonly InspectedDevice[],
  known: ReadonlyMap<string, Pick<InspectedQueue, "created" | "paused">>,
) {
  const sharedSubscriptions: InspectedSharedSubscription[] = [];
  const queues: InspectedQueue[] = [];
  const bridges: InspectedBridge[] = [];
  for (const { device, messages, bytes, oldestAgeSeconds, unfinishedIn, unfinishedOut } of sessions) {
    const name = mailboxName(device);
    if (name === undefined) continue;
    const mailbox = { name, messages, bytes, oldestAgeSeconds };
    if (queueNameOf(device) !== undefined) {
      queues.push({ ...mailbox, created: false, paused: false, ...known.get(device) });
    } else if (bridgeNameOf(device) !== undefined) bridges.push({ ...mailbox, unfinishedIn, unfinishedOut });
    else sharedSubscriptions.push(mailbox);
  }
  return { sharedSubscriptions, queues, bridges };
}

/** What there is beside messages. */
function countState(state: StoredState, now: number) {
  const sessions = new Map<string, InspectedDevice>();
  /** By the id of the session that is its mailbox. */
  const queues = new Map<string, Pick<InspectedQueue, "created" | "paused">>();
  const wills: InspectedWill[] = [];
  const counts = { subscriptions: 0, messages: 0, bytes: 0, retained: 0, retainedBytes: 0 };
  const deadLetters = { deadLetters: 0, deadLetterBytes: 0 };
  for (const { document } of state.state.values()) {
    switch (document.k) {
      case "session": {
        const session = sessionOf(sessions, document.i);
        session.awaySince = document.away === 0 ? null : isoTime(document.away);
        session.expirySeconds = expirySecondsOf(document);
        break;
      }
      case "subscription":
        sessionOf(sessions, document.i).subscriptions++;
        counts.subscriptions++;
        break;
      case "receipt":
        sessionOf(sessions, document.i).unfinishedIn++;
        break;
      case "released":
        sessionOf(sessions, document.i).unfinishedOut++;
        break;
      case "retained": {
        const properties = propertiesOf(document);
        if (properties?.isExpired(now)) break;
        counts.retained++;
        counts.retainedBytes += document.t.length + payloadBytes(document) + (properties?.bytes.length ?? 0);
        break;
      }
      case "queue":
        sessionOf(sessions, queueSessionId(document.i)); // it may have no mailbox yet
        queues.set(queueSessionId(document.i), { created: document.c, paused: document.off });
        break;
      case "dead":
        deadLetters.deadLetters++;
        deadLetters.deadLetterBytes += bytesOf(document);
        break;
      case "will":
        wills.push(inspectedWill(document));
    }
  }
  return { sessions, queues, wills, ...counts, ...deadLetters };
}

/** What waits in one session, in the order in which it will be sent. */
export function messagesFor(state: StoredState, sessionId: string, now: number): InspectedMessage[] {
  return state.messages.flatMap(({ document, receivers, sent }) => {
    const qos = receivers.get(sessionId);
    if (qos === undefined) return [];
    const { t: topic, p: payload, r, at } = document;
    const message = { topic, qos, payloadBytes: payloadBytes(document), ageSeconds: ageSeconds(at, now), payload };
    return [{ ...message, sent: sent.has(sessionId), retain: r === 1 }];
  });
}

function sessionOf(sessions: Map<string, InspectedDevice>, device: string): InspectedDevice {
  let found = sessions.get(device);
  if (found === undefined) {
    const nothing = { messages: 0, bytes: 0, oldestAgeSeconds: null, awaySince: null, expirySeconds: null };
    found = { device, ...nothing, subscriptions: 0, unfinishedIn: 0, unfinishedOut: 0 };
    sessions.set(device, found);
  }
  return found;
}

function inspectedWill(document: Extract<StateDocument, { k: "will" }>): InspectedWill {
  const { i: device, t: topic, q: qos, r: retain, d: delaySeconds = 0, due } = document;
  const dueAt = due === undefined ? null : isoTime(due);
  return { device, topic, qos, retain, payloadBytes: payloadBytes(document), delaySeconds, dueAt };
}

/** Returns its bytes. */
function countMessage(
  sessions: Map<string, InspectedDevice>,
  { document, receivers, sent }: RecoveredMessage,
  now: number,
): number {
  const bytes = bytesOf(document);
  for (const [id, qos] of receivers) {
    const session = sessionOf(sessions, id);
    session.messages++;
    session.bytes += bytes;
    session.oldestAgeSeconds = older(session.oldestAgeSeconds, ageSeconds(document.at, now));
    if (qos === 2 && sent.has(id)) session.unfinishedOut++;
  }
  return bytes;
}

function segmentsOf({ segments, messages, state }: StoredState): InspectedSegment[] {
  const live = new Map<Segment, { entries: number; bytes: number }>();
  for (const { document, place } of [...messages, ...state.values()]) {
    const sum = live.get(place) ?? { entries: 0, bytes: 0 };
    sum.entries++;
    sum.bytes += Buffer.byteLength(JSON.stringify(document)) + 1;
    live.set(place, sum);
  }
  return segments.map(({ segment, commits, tornBytes, damage }) => {
    const { entries, bytes } = live.get(segment) ?? { entries: 0, bytes: 0 };
    const size = segment.bytes + tornBytes;
    const counts = { liveEntries: entries, liveBytes: bytes, tornBytes, damagedPlaces: damage.length };
    return { name: segment.name, bytes: size, commits, ...counts };
  });
}

function payloadBytes({ p }: { p: string }): number {
  return Buffer.byteLength(p, "base64");
}

function bytesOf(document: MessageContent): number {
  return payloadBytes(document) + document.t.length + (propertiesOf(document)?.bytes.length ?? 0) + OVERHEAD_BYTES;
}

function propertiesOf({ x }: { x?: string }): PublishProperties | undefined {
  return x === undefined ? undefined : propertiesOfText(x);
}

function expirySecondsOf({ e = NEVER_EXPIRES }: { e?: number }): number | null {
  return e === NEVER_EXPIRES ? null : e;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** Null where nobody noted when it came. */
function ageSeconds(at: number, now: number): number | null {
  return at === 0 ? null : Math.max(0, Math.floor(now / 1000 - at));
}

function older(a: number | null, b: number | null): number | null {
  return a === null || (b !== null && b > a) ? b : a;
}
