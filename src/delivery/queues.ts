import { isDeepStrictEqual } from "node:util";
import type { DeviceContext } from "../device/device-context.ts";
import type { Message } from "../store/message.ts";
import { queueNameOf } from "../store/queue-session.ts";
import { destinationNameMistake } from "../topic/destination-name.ts";
import { WaypostError } from "../waypost-error.ts";
import { AT_ONCE, inTurns, nextTurn } from "./in-turns.ts";
import { Queue } from "./queue.ts";
import { QueueAccess } from "./queue-access.ts";
import type { QueueSettings } from "./queue-settings.ts";

/** `left-over`: not in the configuration any more, but not empty: it takes no messages by its topics. */
export type QueueOrigin = "configuration" | "created" | "left-over";

interface Entry {
  readonly queue: Queue;
  origin: QueueOrigin;
}

type Configured = Readonly<Record<string, QueueSettings>>;

/** The queues of this gateway: those of the configuration, and those that were created while it ran. */
export class Queues {
  readonly #context: DeviceContext;
  readonly #byName = new Map<string, Entry>();
  /** The last piece of work that makes or removes queues: one at a time. */
  #work: Promise<unknown> = Promise.resolve();
  readonly #access = new Map<string, QueueAccess>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  get all(): Iterable<{ readonly queue: Queue; readonly origin: QueueOrigin }> {
    return this.#byName.values();
  }

  get(name: string): Queue | undefined {
    return this.#byName.get(name)?.queue;
  }

  /** @throws ERR_NOT_FOUND */
  known(name: string): { readonly queue: Queue; readonly origin: QueueOrigin } {
    const entry = this.#byName.get(name);
    if (entry !== undefined) return entry;
    throw new WaypostError("ERR_NOT_FOUND", `there is no queue ${JSON.stringify(name)}`);
  }

  access(name: string): QueueAccess {
    let access = this.#access.get(name);
    if (access === undefined) {
      access = new QueueAccess();
      this.#access.set(name, access);
    }
    return access;
  }

  leaveAll(device: { readonly id: string }): void {
    for (const access of this.#access.values()) access.leave(device);
  }

  owns(storeId: string): boolean {
    return this.#byName.has(queueNameOf(storeId) ?? "");
  }

  /**
   * Builds the queues of the configuration, those that were created, and those that the configuration has no more but that
   * are not empty. `read` checks the settings of one that was created.
   */
  async start(configured: Configured, read: (name: string, settings: unknown) => QueueSettings): Promise<void> {
    const { store } = this.#context.broker;
    const stored = new Map((await store.queues()).map((each) => [each.name, each]));
    for (const [name, settings] of Object.entries(configured)) {
      await this.#open(name, settings, "configuration", stored.get(name)?.isPaused ?? false);
    }
    for (const { name, settings, isCreated, isPaused } of stored.values()) {
      if (Object.hasOwn(configured, name)) continue;
      const left = this.#readStored(name, settings, read);
      if (isCreated) {
        await this.#open(name, left, "created", isPaused);
        continue;
      }
      const { queue } = await this.#open(name, { ...left, topics: [] }, "left-over", isPaused);
      if (queue.isEmpty) await this.#forget(queue);
      else this.#warnOfLeftOver(queue);
    }
  }

  /** The configuration has changed. */
  reconfigure(configured: Configured): Promise<void> {
    return this.#inTurn(() => this.#reconfigure(configured));
  }

  async #reconfigure(configured: Configured): Promise<void> {
    for (const [name, settings] of Object.entries(configured)) {
      const known = this.#byName.get(name);
      if (known === undefined) {
        await this.#open(name, settings, "configuration", false);
        continue;
      }
      const isSame = known.origin === "configuration" && isDeepStrictEqual(known.queue.settings, settings);
      if (isSame) continue;
      known.origin = "configuration";
      known.queue.settings = settings;
      await this.#keep(known);
    }
    for (const entry of [...this.#byName.values()]) {
      const { queue, origin } = entry;
      if (origin !== "configuration" || Object.hasOwn(configured, queue.name)) continue;
      if (queue.isEmpty) await this.#forget(queue);
      else {
        entry.origin = "left-over";
        queue.settings = { ...queue.settings, topics: [] };
        await this.#keep(entry);
        this.#warnOfLeftOver(queue);
      }
    }
  }

  /** @throws ERR_USAGE, ERR_CONFLICT */
  create(name: string, settings: QueueSettings): Promise<Queue> {
    return this.#inTurn(() => this.#create(name, settings));
  }

  async #create(name: string, settings: QueueSettings): Promise<Queue> {
    const mistake = destinationNameMistake(name);
    if (mistake !== undefined) {
      throw new WaypostError("ERR_USAGE", `${JSON.stringify(name)} is no queue name: ${mistake}`);
    }
    if (this.#byName.has(name))
      throw new WaypostError("ERR_CONFLICT", `there is a queue ${JSON.stringify(name)} already`);
    return (await this.#open(name, settings, "created", false)).queue;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#work.then(work, work);
    this.#work = mine.catch(() => {});
    return mine;
  }

  /**
   * What waits in it, or is with a consumer, becomes dead letters. Returns how many.
   * @throws ERR_NOT_FOUND, and ERR_CONFLICT where it is in the configuration, or, without `force`, not empty
   */
  remove(name: string, force: boolean): Promise<number> {
    return this.#inTurn(() => this.#remove(name, force));
  }

  async #remove(name: string, force: boolean): Promise<number> {
    const { queue, origin } = this.known(name);
    if (origin === "configuration") {
      const advice = "take it out of the file and reload with SIGHUP";
      throw new WaypostError("ERR_CONFLICT", `the queue ${JSON.stringify(name)} is in the configuration: ${advice}`);
    }
    const messages = queue.line.depth + queue.deliveries.underWay;
    if (messages > 0 && !force) {
      const advice = "move or purge them first, or remove it by force, which makes them dead letters";
      throw new WaypostError(
        "ERR_CONFLICT",
        `the queue ${JSON.stringify(name)} holds ${messages} message(s): ${advice}`,
      );
    }
    this.#byName.delete(name);
    const bury = (message: Message) => {
      queue.drop(message, "queue-removed");
      queue.forget(message);
    };
    await inTurns(queue.close(), bury);
    for (let some = queue.drain(AT_ONCE); some.length > 0; some = queue.drain(AT_ONCE))
      await inTurns(some, bury).then(nextTurn);
    await this.#forget(queue);
    return messages;
  }

  pause(name: string, isPaused: boolean): Promise<void> {
    return this.#inTurn(() => this.#pause(name, isPaused));
  }

  async #pause(name: string, isPaused: boolean): Promise<void> {
    const { queue } = this.known(name);
    queue.isPaused = isPaused;
    await this.#keep(this.#byName.get(name) as Entry);
  }

  refresh(): void {
    for (const entry of this.#byName.values()) {
      entry.queue.refresh();
      if (entry.origin === "left-over" && entry.queue.isEmpty) void this.#inTurn(() => this.#endLeftOver(entry));
    }
    for (const [name, access] of this.#access) if (access.isIdle) this.#access.delete(name);
  }

  clockJumped(ms: number): void {
    for (const { queue } of this.#byName.values()) queue.clockJumped(ms);
  }

  async #open(name: string, settings: QueueSettings, origin: QueueOrigin, isPaused: boolean): Promise<Entry> {
    const queue = new Queue(name, settings, this.#context);
    const entry = { queue, origin };
    queue.isPaused = isPaused;
    await this.#keep(entry);
    await queue.open(); // nothing reaches it before, or the store would bring the same once more
    this.#byName.set(name, entry);
    this.access(name).queue = queue;
    return entry;
  }

  async #keep({ queue, origin }: Entry): Promise<void> {
    const { store } = this.#context.broker;
    const { name, isPaused } = queue;
    const settings = JSON.stringify(queue.settings);
    await store.unlessFailing(store.putQueue({ name, settings, isCreated: origin === "created", isPaused }));
  }

  async #endLeftOver(entry: Entry): Promise<void> {
    const { queue, origin } = entry;
    if (this.#byName.get(queue.name) !== entry || origin !== "left-over" || !queue.isEmpty) return;
    this.#context.log.info(
      { queue: queue.name },
      "a queue that is not in the configuration any more is empty and gone",
    );
    await this.#forget(queue);
  }

  async #forget(queue: Queue): Promise<void> {
    const { store } = this.#context.broker;
    queue.close();
    this.#byName.delete(queue.name);
    const access = this.access(queue.name);
    if (access.queue === queue) access.queue = null;
    void store.discardSession(queue);
    await store.unlessFailing(store.removeQueue(queue.name));
  }

  #readStored(name: string, settings: string, read: (name: string, settings: unknown) => QueueSettings): QueueSettings {
    try {
      return read(name, JSON.parse(settings));
    } catch (error) {
      this.#context.log.error(
        { queue: name, error },
        "the stored settings of a queue are wrong: it takes the defaults",
      );
      return read(name, {});
    }
  }

  #warnOfLeftOver({ name, line, deliveries }: Queue): void {
    const messages = line.depth + deliveries.underWay;
    const what = `the queue ${name} is not in the configuration any more and holds ${messages} message(s)`;
    const advice =
      "it takes no more by its topics, and is gone when it is empty: let them be consumed, or move or purge them";
    this.#context.log.warn({ queue: name, messages }, `${what}; ${advice}`);
  }
}
