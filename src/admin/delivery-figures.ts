import type { DeliveryModels } from "../delivery/delivery-models.ts";

/** Queues and dead letters as names below `$SYS/broker/`, and values. */
export function deliveryFigures({ queues, deadLetters }: DeliveryModels): Record<string, number> {
  const figures: Record<string, number> = {
    "store/dead-letters/count": deadLetters.messages,
    "store/dead-letters/bytes": deadLetters.bytes,
  };
  for (const { queue } of queues.all) {
    const { messages, bytes, inFlight } = queue.waiting;
    const below = `queues/${queue.name}`;
    figures[`${below}/messages`] = messages;
    figures[`${below}/bytes`] = bytes;
    figures[`${below}/in-delivery`] = inFlight;
    figures[`${below}/consumers`] = queue.consumers.active.length;
    figures[`${below}/settled`] = queue.settledRate.total;
    figures[`${below}/redelivered`] = queue.redelivered.total;
  }
  return figures;
}
