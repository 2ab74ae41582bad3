import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type RegularHabits = {
  channels: readonly Channel[];
  subscriptions?: Readonly<Record<string, 0 | 1 | 2>>;
  /** On average, between two messages of all channels together. */
  periodMs: number;
};

const textBytesMax = 100;

/** Publishes on its channels in turn, with a persistent session, and hears what it has subscribed to. */
export function regular(
  { random, liveMs }: Pick<Place, "random" | "liveMs">,
  { channels, subscriptions = {}, periodMs }: RegularHabits,
): Behaviour {
  return {
    transport: "tcp",
    persistent: true,
    subscriptions,
    channels,
    live(link, timetable) {
      let turns = 0;
      const meanMs = Math.min(periodMs, liveMs / (4 * Math.max(1, channels.length)));
      timetable.every(
        () => meanMs * random.between(0.3, 1.7),
        () => {
          const channel = channels[turns++ % channels.length];
          if (channel !== undefined) link.publish(channel, Buffer.alloc(random.whole(0, textBytesMax), "x"));
        },
      );
    },
  };
}
