import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

/** Sends the same few messages to everybody: one publish, as many copies as there are subscribers. */
export function announcer({ name, root, random, liveMs }: Place, periodMs: number): Behaviour {
  const announcement: Channel = { flow: "announcement", topic: `${root}/${name}/announcement`, qos: 1 };
  const recall: Channel = { flow: "recall", topic: `${root}/${name}/recall`, qos: 2 };
  const text = () => Buffer.from("x".repeat(random.whole(10, 200)));
  return {
    transport: "tcp",
    channels: [announcement, recall],
    live(link, timetable) {
      const first = Math.min(periodMs, liveMs / 3);
      timetable.every(
        (turn) => (turn === 0 ? first : periodMs),
        () => link.publish(announcement, text()),
      );
      timetable.every(
        (turn) => (turn === 0 ? 1.5 * first : 2 * periodMs),
        () => link.publish(recall, text()),
      );
    },
  };
}
