import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../clock.ts";
import { type Ended, Proxied, type Treatment } from "./proxied.ts";
import type { Trouble } from "./trouble.ts";

export type LineOptions = {
  /** On 127.0.0.1; 0 for any. */
  port: number;
  cloud: { host: string; port: number };
  clock: Clock;
  /** A connection of the gateway begins; what is given is called when it has ended. */
  opened: () => (ended: Ended) => void;
};

const inOrder: Treatment = { up: "pass", down: "pass" };

/** The line between a gateway and its cloud: a proxy that can be spoiled in every way in which lines are. */
export class Line {
  readonly #options: LineOptions;
  readonly #connections = new Set<Proxied>();
  readonly #server: Server;
  #port = 0;
  #treatment: Treatment = inOrder;
  /** New connections are spoiled from their beginning. */
  #isSpoiled = false;
  /** What they carried has holes by now: they cannot go on when the line is healed. */
  #resetsAtHealing = false;
  #isClosed = false;

  constructor(options: LineOptions) {
    this.#options = options;
    // An end that is half open stays so until this side says otherwise.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Where the gateway finds its cloud. */
  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    this.#server.listen(this.#port || this.#options.port, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    if (typeof address === "object" && address !== null) this.#port = address.port;
  }

  /** Spoils it until `heal`, or, by a kind that lasts no time, what there is of it at this moment. */
  spoil({ kind, bytesPerSecond }: Pick<Trouble, "kind" | "bytesPerSecond">): void {
    for (const each of this.#connections) each.spoiled(this.#options.clock.nowMs());
    switch (kind) {
      case "cut":
        return this.#resetAll();
      case "refused":
        this.#server.close();
        return this.#resetAll();
      case "throttled":
        return this.#treat({ up: { bytesPerSecond }, down: { bytesPerSecond } });
      case "silent":
        return this.#treat({ up: "hold", down: "hold" });
      case "devoured":
        this.#resetsAtHealing = true;
        return this.#treat({ up: "drop", down: "drop" });
      case "muted":
        this.#resetsAtHealing = true;
        return this.#treat({ up: "pass", down: "drop" });
      case "cloud-gone":
      case "gateway-gone":
        for (const each of this.#connections) each.halve(kind === "cloud-gone" ? "cloud" : "gateway");
    }
  }

  /** New connections come through, and old ones that still can go on. */
  async heal(): Promise<void> {
    if (this.#isClosed) return;
    const resetsAll = this.#resetsAtHealing;
    this.#resetsAtHealing = false;
    if (resetsAll) this.#resetAll();
    this.#treat(inOrder);
    this.#isSpoiled = false;
    if (!this.#server.listening) await this.open();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const each of this.#connections) each.destroy();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    const ended = this.#options.opened();
    const proxied: Proxied = new Proxied(socket, this.#options.cloud, {
      ended: (how) => {
        if (!this.#isClosed) ended(how);
      },
      gone: () => this.#connections.delete(proxied),
    });
    this.#connections.add(proxied);
    if (this.#isSpoiled) proxied.spoiled(this.#options.clock.nowMs());
    proxied.treat(this.#treatment);
  }

  #treat(treatment: Treatment): void {
    this.#treatment = treatment;
    this.#isSpoiled = true;
    for (const each of this.#connections) each.treat(treatment);
  }

  #resetAll(): void {
    for (const each of this.#connections) each.reset();
  }
}
