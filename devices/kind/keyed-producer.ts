import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type KeyedProducerHabits = {
  /** On average, between two of its messages. */
  periodMs: number;
  keys: number;
  /** What its keys are called where MQTT 5 says them, so that several producers share them. */
  family: string;
};

/** Makes jobs whose order matters within each key: a user property says the key, and for 3.1.1 the topic's last level. */
export function keyedProducer({ name, root, random, liveMs }: Place, habits: KeyedProducerHabits): Behaviour {
  const { periodMs, keys, family } = habits;
  const channels = Array.from(
    { length: keys },
    (_, index): Channel => ({
      flow: "keyed",
      topic: `${root}/${name}/keyed/${name}-${index + 1}`,
      qos: 1,
      userProperties: [["key", `${family}-${index + 1}`]],
    }),
  );
  return {
    transport: "tcp",
    persistent: true,
    channels,
    live(link, timetable) {
      const firstMs = random.between(0, Math.min(periodMs, liveMs / 4));
      timetable.every(
        (turn) => (turn === 0 ? firstMs : random.waiting(periodMs)),
        // In bursts, so that a key has several jobs in delivery at once.
        () => {
          const channel = channels[random.whole(0, keys - 1)]!;
          for (let left = random.whole(1, 5); left > 0; left--)
            link.publish(channel, Buffer.alloc(random.whole(0, 64)));
        },
      );
    },
  };
}
