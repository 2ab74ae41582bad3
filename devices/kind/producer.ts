import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type ProducerHabits = {
  /** On average, between two of its messages. */
  periodMs: number;
  /** Sends into this queue by its name, besides by topics. */
  queue: string;
  /** Falls off now and then, and sends again what was not acknowledged. */
  comesAndGoes: boolean;
};

const textBytesMax = 200;

/** Makes jobs, at QoS 1 and 2, by topics that a queue takes and by the name of the queue. */
export function producer({ name, root, random, liveMs }: Place, habits: ProducerHabits): Behaviour {
  const { periodMs, queue, comesAndGoes } = habits;
  const channels: Channel[] = [
    { flow: "job", topic: `${root}/${name}/job`, qos: 1 },
    { flow: "batch", topic: `${root}/${name}/batch`, qos: 2 },
    { flow: "direct", topic: `${root}/${name}/direct`, qos: 1, via: `$queue/${queue}` },
  ];
  return {
    transport: "tcp",
    persistent: true,
    channels,
    live(link, timetable) {
      for (const channel of channels) {
        const firstMs = random.between(0, Math.min(periodMs, liveMs / 4));
        timetable.every(
          (turn) => (turn === 0 ? firstMs : random.waiting(channels.length * periodMs)),
          () => link.publish(channel, Buffer.from("x".repeat(random.whole(0, textBytesMax)))),
        );
      }
      if (!comesAndGoes) return;
      const cycleMs = Math.min(8_000, liveMs);
      comeAndGo(link, timetable, {
        departures: ["cut", "reset"],
        stayMs: [0.2 * cycleMs, 0.6 * cycleMs],
        awayMs: [0.02 * cycleMs, 0.1 * cycleMs],
        random,
      });
    },
  };
}
