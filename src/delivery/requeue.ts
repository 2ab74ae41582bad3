import type { DeviceRegistry } from "../device/device-registry.ts";
import type { MailboxControl } from "../device/mailbox-control.ts";
import { addressOf } from "../topic/address.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { DeliveryModels } from "./delivery-models.ts";
import { inTurns } from "./in-turns.ts";

/** A message that died as often as that is sent on its way again only by force. */
const REQUEUES_MAX = 3;

/** Where dead letters can go again. */
export interface Destinations {
  readonly delivery: DeliveryModels;
  readonly registry: DeviceRegistry;
  /** The mailbox of the bridge of this name; undefined where there is no such bridge. */
  readonly bridgeMailbox: (name: string) => Pick<MailboxControl, "offer"> | undefined;
}

/**
 * Sends dead letters to where they could not go. One for which there is no room there, or that has died too often, stays.
 * Each is a dead letter or on its way at any moment, on the disk too.
 */
export async function requeue(
  letters: readonly DeadLetter[],
  force: boolean,
  destinations: Destinations,
): Promise<{ requeued: number; refused: number }> {
  const { deadLetters } = destinations.delivery;
  let requeued = 0;
  await inTurns(letters, (letter) => {
    if (deadLetters.get(letter.id) !== letter) return; // it had to make room meanwhile
    if (letter.requeues >= REQUEUES_MAX && !force) return;
    if (!sentAgain(letter, destinations)) return;
    deadLetters.remove(letter.id);
    requeued++;
  });
  return { requeued, refused: letters.length - requeued };
}

function sentAgain(letter: DeadLetter, { delivery, registry, bridgeMailbox }: Destinations): boolean {
  const { deadLetters, queues, groups, shared } = delivery;
  const { kind, name } = letter.destination;
  // Under the topic by which the queue or the members know it, where it was addressed to them.
  const reborn = () => deadLetters.reborn(letter, addressOf(letter.message.topic)?.topic);
  switch (kind) {
    case "queue":
      return queues.get(name)?.offer(reborn()) ?? false;
    case "device":
      return registry.get(name)?.mailbox.offer(reborn()) ?? false;
    case "group":
      return groups.membersOf(name).length > 0 && groups.offer(name, reborn());
    case "shared-subscription":
      return shared.find(name)?.offer(reborn()) ?? false;
    case "bridge":
      return bridgeMailbox(name)?.offer(deadLetters.reborn(letter)) ?? false;
  }
}
