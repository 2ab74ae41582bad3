import type { DeviceContext } from "../device/device-context.ts";
import type { DeviceRegistry } from "../device/device-registry.ts";
import { AddressedTopics } from "./addressed-topics.ts";
import { type DeadLetterSettings, DeadLetters } from "./dead-letters.ts";
import { Groups } from "./groups.ts";
import { Handouts } from "./handouts.ts";
import type { GroupSettings, QueueSettings } from "./queue-settings.ts";
import { Queues } from "./queues.ts";
import { Requests } from "./requests.ts";
import { SharedSubscriptions } from "./shared-subscriptions.ts";

export interface DeliverySettings {
  readonly queues: Readonly<Record<string, QueueSettings>>;
  readonly groups: Readonly<Record<string, GroupSettings>>;
  readonly deadLetters?: DeadLetterSettings;
}

const defaultDeadLetters: DeadLetterSettings = {
  messagesMax: 10_000,
  bytesMax: 16 * 1024 * 1024,
  timeToLiveSeconds: 604_800,
};

/** The ways of delivery beside publish and subscribe: queues, shared subscriptions, groups, requests; and what fails. */
export class DeliveryModels {
  readonly queues: Queues;
  readonly groups: Groups;
  readonly requests: Requests;
  readonly deadLetters: DeadLetters;
  readonly addressed: AddressedTopics;
  readonly shared: SharedSubscriptions;

  constructor(context: DeviceContext, registry: DeviceRegistry) {
    this.queues = new Queues(context);
    this.groups = new Groups(context, registry);
    this.requests = new Requests(context);
    this.deadLetters = new DeadLetters(context, defaultDeadLetters);
    this.addressed = new AddressedTopics(context, this.queues, this.groups, this.deadLetters);
    this.shared = new SharedSubscriptions(context);
    context.shares = new Handouts(this.shared, this.queues, this.deadLetters);
    context.deadLetters = this.deadLetters;
  }

  /** To be called when the store is open and before devices are built: they join their queues. `read` checks stored settings. */
  async start(settings: DeliverySettings, read: (name: string, settings: unknown) => QueueSettings): Promise<void> {
    this.#configure(settings);
    await this.deadLetters.start();
    await this.queues.start(settings.queues, read);
    this.addressed.start();
    this.requests.start();
  }

  async reconfigure(settings: DeliverySettings): Promise<void> {
    this.#configure(settings);
    this.deadLetters.refresh();
    await this.queues.reconfigure(settings.queues);
  }

  #configure({ groups, deadLetters }: DeliverySettings): void {
    this.groups.configure(groups);
    if (deadLetters !== undefined) this.deadLetters.settings = deadLetters;
  }
}
