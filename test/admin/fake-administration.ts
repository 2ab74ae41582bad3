import type {
  Administration,
  BridgeReport,
  DeadLetterPage,
  DeadLetterReport,
  DeadLetterSelection,
  DeadLetterSummary,
  GroupReport,
  MailboxReport,
  Place,
  QueueReport,
} from "../../src/admin/administration.ts";
import type { RequestOptions, RequestOutcome } from "../../src/delivery/requests.ts";
import { WaypostError } from "../../src/waypost-error.ts";
import { bridgeReport } from "./fake-bridges.ts";

/** An administration of what a test puts into it, which keeps what it was asked to do. */
export class FakeAdministration implements Administration {
  /** What was asked for a change: the method, then what it was given. */
  readonly calls: unknown[][] = [];
  readonly queueReports: QueueReport[] = [queueReport({ name: "jobs" })];
  readonly mailboxReports: MailboxReport[] = [mailboxReport({ device: "lamp" })];
  readonly bridgeReports: BridgeReport[] = [bridgeReport()];
  /** What is seen of a bridge at the next looks, each once, before what is in `bridgeReports`. */
  readonly looks: BridgeReport[] = [];
  readonly groupReports: GroupReport[] = [];
  readonly letters: DeadLetterSummary[] = [];
  /** What changes fail with. */
  failure: Error | undefined;
  answers: { [Name in "purge" | "move" | "requeue" | "removeQueue" | "removeBridge" | "purgeDeadLetters"]: object } = {
    purge: { messages: 120 },
    move: { messages: 5, left: 0 },
    requeue: { requeued: 3, refused: 0 },
    removeQueue: { messages: 0 },
    removeBridge: { messages: 0 },
    purgeDeadLetters: { messages: 1 },
  };
  onRequest: (options: RequestOptions) => Promise<RequestOutcome> = async () => ({ outcome: "no-responder" });

  queues(): readonly QueueReport[] {
    return this.queueReports;
  }

  queue(name: string): QueueReport {
    return found(this.queueReports, (each) => each.name === name, `queue ${name}`);
  }

  async createQueue(name: string, settings: unknown): Promise<QueueReport> {
    this.#called("createQueue", name, settings);
    return queueReport({ name, origin: "created", topics: (settings as { topics?: string[] }).topics ?? [] });
  }

  removeQueue(name: string, force: boolean): Promise<{ messages: number }> {
    return this.#changed("removeQueue", name, force);
  }

  mailboxes(): readonly MailboxReport[] {
    return this.mailboxReports;
  }

  mailbox(device: string): MailboxReport {
    return found(this.mailboxReports, (each) => each.device === device, `device ${device}`);
  }

  bridges(): readonly BridgeReport[] {
    return this.bridgeReports;
  }

  bridge(name: string): BridgeReport {
    return this.looks.shift() ?? found(this.bridgeReports, (each) => each.name === name, `bridge ${name}`);
  }

  async drainBridge(name: string): Promise<BridgeReport> {
    this.#called("drainBridge", name);
    return this.bridge(name);
  }

  removeBridge(name: string, force: boolean): Promise<{ messages: number }> {
    return this.#changed("removeBridge", name, force);
  }

  async pause(place: Place): Promise<void> {
    this.#called("pause", place);
  }

  async resume(place: Place): Promise<void> {
    this.#called("resume", place);
  }

  purge(place: Place): Promise<{ messages: number }> {
    return this.#changed("purge", place);
  }

  move(from: Place, to: Place, max?: number): Promise<{ messages: number; left: number }> {
    return this.#changed("move", from, to, max);
  }

  groups(): readonly GroupReport[] {
    return this.groupReports;
  }

  deadLetters(filter: { max: number; before?: number | undefined }): DeadLetterPage {
    this.#called("deadLetters", filter);
    const older = this.letters.filter(({ id }) => filter.before === undefined || id < filter.before);
    const kept = { messages: this.letters.length, bytes: 2048 };
    return { letters: older.slice(0, filter.max), kept, counts: { expired: 7, "too-large": 1 } };
  }

  deadLetter(id: number): DeadLetterReport {
    const letter = found(this.letters, (each) => each.id === id, `dead letter ${id}`);
    const payload = Buffer.from("21.5").toString("base64");
    return { ...letter, payload, retain: false, properties: { contentType: "text/plain" } };
  }

  requeue(selection: DeadLetterSelection, force: boolean): Promise<{ requeued: number; refused: number }> {
    return this.#changed("requeue", selection, force);
  }

  purgeDeadLetters(selection: DeadLetterSelection): Promise<{ messages: number }> {
    return this.#changed("purgeDeadLetters", selection);
  }

  request(options: RequestOptions): Promise<RequestOutcome> {
    this.#called("request", options);
    return this.onRequest(options);
  }

  #called(...call: unknown[]): void {
    this.calls.push(call);
    if (this.failure !== undefined) throw this.failure;
  }

  async #changed<T>(method: keyof FakeAdministration["answers"], ...given: unknown[]): Promise<T> {
    this.#called(method, ...given);
    return this.answers[method] as T;
  }
}

function found<T>(all: readonly T[], isIt: (each: T) => boolean, what: string): T {
  const one = all.find(isIt);
  if (one === undefined) throw new WaypostError("ERR_NOT_FOUND", `there is no ${what}`);
  return one;
}

export function queueReport(given: Partial<QueueReport>): QueueReport {
  return {
    name: "jobs",
    topics: ["jobs/#"],
    origin: "configuration",
    paused: false,
    messages: 0,
    bytes: 0,
    delayed: 0,
    oldestSeconds: null,
    inDelivery: 0,
    consumers: [],
    perSecond: { arrived: 0, settled: 0, redelivered: 0 },
    totals: { arrived: 0, settled: 0, redelivered: 0, deadLetters: 0 },
    limits: { messagesMax: 100_000, bytesMax: 67_108_864 },
    ...given,
  };
}

export function mailboxReport(given: Partial<MailboxReport>): MailboxReport {
  const rest = { online: false, paused: false, messages: 0, bytes: 0, oldestSeconds: null, inDelivery: 0 };
  return { device: "lamp", ...rest, ...given };
}

export function deadLetter(given: Partial<DeadLetterSummary>): DeadLetterSummary {
  return {
    id: 1,
    reason: "expired",
    at: "2023-11-14T22:13:20.000Z",
    topic: "sensors/1",
    qos: 1,
    payloadBytes: 4,
    origin: "probe",
    destination: { kind: "device", name: "lamp" },
    requeues: 0,
    ...given,
  };
}
