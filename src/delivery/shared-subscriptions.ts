import type { DeviceContext } from "../device/device-context.ts";
import { sharedFilter } from "../topic/shared-filter.ts";
import { WaypostError } from "../waypost-error.ts";
import { SharedSubscription } from "./shared-subscription.ts";

/** The shared subscriptions of this gateway, by their whole filters; each lives while it has members. */
export class SharedSubscriptions {
  readonly #context: DeviceContext;
  readonly #byFilter = new Map<string, SharedSubscription>();

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  get(filter: string): SharedSubscription {
    const known = this.#byFilter.get(filter);
    if (known !== undefined) return known;
    const parts = sharedFilter(filter);
    if (parts === undefined) throw new WaypostError("ERR_INVARIANT", `${filter} is no shared subscription`);
    const share = new SharedSubscription(parts.filter, filter, this.#context, () => {
      if (this.#byFilter.get(filter) === share) this.#byFilter.delete(filter);
    });
    this.#byFilter.set(filter, share);
    return share;
  }

  /** The one of this whole filter, where it has members. */
  find(filter: string): SharedSubscription | undefined {
    return this.#byFilter.get(filter);
  }

  leaveAll(device: { readonly id: string }): void {
    for (const share of [...this.#byFilter.values()]) share.leave(device);
  }

  owns(storeId: string): boolean {
    for (const { id } of this.#byFilter.values()) if (id === storeId) return true;
    return false;
  }

  refresh(): void {
    for (const share of this.#byFilter.values()) share.refresh();
  }
}
