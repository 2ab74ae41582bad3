import type { DropReason } from "../device/counters.ts";
import { Device, type DeviceKeeper } from "../device/device.ts";
import type { DeviceContext } from "../device/device-context.ts";
import type { OutboundParts } from "../device/outbound.ts";
import type { Message } from "../store/message.ts";

/** What the device of an upstream tells of. */
export interface UpstreamKeeper extends DeviceKeeper {
  /** A message was given up. */
  dropped(message: Message, reason: DropReason): void;
}

/**
 * The upstream as the gateway delivers to it: a device, whose client is the upstream. Window, resends, QoS 2 in both
 * directions and the store are those of devices.
 */
export class UpstreamDevice extends Device {
  readonly #upstreamKeeper: UpstreamKeeper;

  constructor(sessionId: string, context: DeviceContext, keeper: UpstreamKeeper, parts: OutboundParts) {
    super(sessionId, false, context, keeper, parts);
    this.#upstreamKeeper = keeper;
  }

  override drop(message: Message, reason: DropReason): void {
    this.dropped++;
    this.#upstreamKeeper.dropped(message, reason);
  }
}
