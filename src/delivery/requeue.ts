import type { DeviceRegistry } from "../device/device-registry.ts";
import { addressOf } from "../topic/address.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { DeliveryModels } from "./delivery-models.ts";
import { inTurns } from "./in-turns.ts";

/** A message that died as often as that is sent on its way again only by force. */
const REQUEUES_MAX = 3;

/**
 * Sends dead letters to where they could not go. One for which there is no room there, or that has died too often, stays.
 * Each is a dead letter or on its way at any moment, on the disk too.
 */
export async function requeue(
  letters: readonly DeadLetter[],
  force: boolean,
  delivery: DeliveryModels,
  registry: DeviceRegistry,
): Promise<{ requeued: number; refused: number }> {
  const { deadLetters } = delivery;
  let requeued = 0;
  await inTurns(letters, (letter) => {
    if (deadLetters.get(letter.id) !== letter) return; // it had to make room meanwhile
    if (letter.requeues >= REQUEUES_MAX && !force) return;
    if (!sentAgain(letter, delivery, registry)) return;
    deadLetters.remove(letter.id);
    requeued++;
  });
  return { requeued, refused: letters.length - requeued };
}

function sentAgain(
  letter: DeadLetter,
  { deadLetters, queues, groups, shared }: DeliveryModels,
  registry: DeviceRegistry,
): boolean {
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
  }
}
