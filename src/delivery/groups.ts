import type { DeviceContext } from "../device/device-context.ts";
import type { DeviceRegistry } from "../device/device-registry.ts";
import type { QoS } from "../protocol/packet-type.ts";
import type { Message } from "../store/message.ts";
import { clientIdPattern } from "./client-id-pattern.ts";
import type { GroupSettings } from "./queue-settings.ts";

interface Group {
  readonly settings: GroupSettings;
  readonly patterns: readonly ((clientId: string) => boolean)[];
  /** Client ids of those that it reaches, as of `generation` of the registry. */
  ids: readonly string[];
  generation: number;
}

/** Named sets of devices, by patterns of their client ids: whoever matches is a member as soon as it is known. */
export class Groups {
  readonly #context: DeviceContext;
  readonly #registry: DeviceRegistry;
  #groups = new Map<string, Group>();

  constructor(context: DeviceContext, registry: DeviceRegistry) {
    this.#context = context;
    this.#registry = registry;
  }

  /** Replaces all groups. */
  configure(configured: Readonly<Record<string, GroupSettings>>): void {
    this.#groups = new Map();
    for (const [name, settings] of Object.entries(configured)) {
      const patterns = settings.members.map(clientIdPattern);
      this.#groups.set(name, { settings, patterns, ids: [], generation: -1 });
    }
  }

  get names(): string[] {
    return [...this.#groups.keys()];
  }

  settingsOf(name: string): GroupSettings | undefined {
    return this.#groups.get(name)?.settings;
  }

  /** Client ids of the members that are connected or have a session; none where there is no such group. */
  membersOf(name: string): readonly string[] {
    const group = this.#groups.get(name);
    if (group === undefined) return [];
    const { generation } = this.#registry;
    if (group.generation !== generation) {
      group.ids = this.#registry.ids.filter((id) => group.patterns.some((matches) => matches(id)));
      group.generation = generation;
    }
    return group.ids;
  }

  /**
   * Each member gets the message once, at most at the QoS of the group, into its mailbox where it is away. Returns how many
   * they are, or why there is none.
   */
  multicast(name: string, message: Message): number | "no-such-group" | "empty-group" {
    const group = this.#groups.get(name);
    if (group === undefined) return "no-such-group";
    const ids = this.membersOf(name);
    if (ids.length === 0) return "empty-group";
    const granted = Math.min(message.qos, group.settings.qos) as QoS;
    for (const id of ids) this.#deliver(id, message, granted);
    return ids.length;
  }

  /** The same with a message whose publisher need not wait: it is a dead letter for each member that has no room. */
  offer(name: string, message: Message): boolean {
    const qos = this.#groups.get(name)?.settings.qos ?? 0;
    const offered = message.at(Math.min(message.qos, qos) as QoS);
    for (const id of this.membersOf(name)) {
      const device = this.#registry.get(id);
      if (device === undefined || offered.qos === 0) this.#deliver(id, offered, offered.qos);
      else if (!device.mailbox.offer(offered)) device.drop(offered, "mailbox-full");
    }
    return true;
  }

  #deliver(id: string, message: Message, granted: QoS): void {
    const device = this.#registry.get(id);
    if (device === undefined) {
      // It crashed and is built anew before long, from what the store has.
      if (granted === 0) return;
      const { broker, classes, clock } = this.#context;
      const kept = message.at(granted);
      kept.kind = classes.of(kept.topic);
      kept.publishedAt = Math.floor(clock.now() / 1000);
      message.acceptedWhen(broker.store.keep(id, kept, false));
      return;
    }
    try {
      device.give(message.at(granted));
    } catch (reason) {
      device.crashed(reason, message, granted);
    }
  }
}
