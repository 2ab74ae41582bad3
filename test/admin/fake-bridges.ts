import type { BridgeControl, BridgeReport } from "../../src/bridge/bridge-report.ts";
import type { MailboxControl } from "../../src/device/mailbox-control.ts";
import type { Message } from "../../src/store/message.ts";
import { WaypostError } from "../../src/waypost-error.ts";

/** Bridges that connect nowhere, with the reports and messages that a test gives them. */
export class FakeBridges implements BridgeControl {
  readonly calls: unknown[][] = [];
  readonly all: BridgeReport[];
  readonly #mailboxes = new Map<string, FakeMailbox>();

  constructor(...reports: BridgeReport[]) {
    this.all = reports;
  }

  reports(): readonly BridgeReport[] {
    return this.all;
  }

  report(name: string): BridgeReport {
    const found = this.all.find((each) => each.name === name);
    if (found === undefined) throw new WaypostError("ERR_NOT_FOUND", `there is no bridge ${name}`);
    return found;
  }

  async pause(name: string): Promise<void> {
    this.#called("pause", name);
  }

  async resume(name: string): Promise<void> {
    this.#called("resume", name);
  }

  async drain(name: string): Promise<void> {
    this.#called("drain", name);
  }

  async remove(name: string, force: boolean): Promise<{ messages: number }> {
    this.#called("remove", name, force);
    return { messages: this.mailbox(name).messages.length };
  }

  mailbox(name: string): FakeMailbox {
    this.report(name);
    const mailbox = this.#mailboxes.get(name) ?? new FakeMailbox();
    this.#mailboxes.set(name, mailbox);
    return mailbox;
  }

  #called(method: string, name: string, ...more: unknown[]): void {
    this.report(name);
    this.calls.push([method, name, ...more]);
  }
}

export class FakeMailbox implements MailboxControl {
  isPaused = false;
  messagesMax = Number.POSITIVE_INFINITY;
  readonly messages: Message[] = [];
  readonly forgotten: Message[] = [];

  get waiting() {
    return { messages: this.messages.length, bytes: 0, oldestAt: undefined, inFlight: 0 };
  }

  drain(max: number): Message[] {
    return this.messages.splice(0, max);
  }

  putBack(messages: readonly Message[]): void {
    this.messages.unshift(...messages);
  }

  forget(message: Message): void {
    this.forgotten.push(message);
  }

  offer(message: Message): boolean {
    if (this.messages.length >= this.messagesMax) return false;
    this.messages.push(message);
    return true;
  }
}

export function bridgeReport(given: Partial<BridgeReport> = {}): BridgeReport {
  return {
    name: "cloud",
    state: "connected",
    since: "2023-11-14T22:13:20.000Z",
    paused: false,
    draining: false,
    url: "mqtts://upstream.example:8883",
    clientId: "waypost-0123456789abcdef-cloud",
    protocol: "5",
    retryAt: null,
    lastError: null,
    messages: 0,
    bytes: 0,
    oldestSeconds: null,
    inFlight: 0,
    stranded: 0,
    perSecond: { forwarded: 0, received: 0 },
    totals: { forwarded: 0, received: 0, bytesSent: 0, resent: 0, connections: 1 },
    drops: {},
    rules: [],
    ...given,
  };
}
