import { createRandom } from "../random.ts";

/** What MQTT 5 leaves to a client, and devices of the same kind do differently. */
export type Habits = {
  /** Publishes by topic aliases, as many as the gateway takes. */
  usesAliases: boolean;
  /** Topic aliases that it takes from the gateway; 0 for none. */
  aliasMaximum: number;
  /** QoS 1 and 2 messages that it takes unacknowledged; undefined for as many as MQTT has packet ids. */
  receiveMaximum: number | undefined;
};

/** Of a device that uses none of it. */
export const plainHabits: Habits = { usesAliases: false, aliasMaximum: 0, receiveMaximum: undefined };

/** The habits of one device; the same seed gives the same ones. */
export function habitsOf(name: string, seed: number): Habits {
  const random = createRandom(seed, `${name}, MQTT 5`);
  return {
    usesAliases: random.chance(0.5),
    aliasMaximum: random.chance(0.5) ? random.whole(1, 20) : 0,
    receiveMaximum: random.chance(0.5) ? random.whole(2, 40) : undefined,
  };
}
