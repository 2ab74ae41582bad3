import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type OutpostHabits = {
  /** On average, between two messages of one kind. */
  periodMs: number;
  /** Falls off now and then, and sends again what was not acknowledged. */
  comesAndGoes: boolean;
};

const burstMax = 4;
const textBytesMax = 200;

/** Reports to the cloud by way of its gateway: readings, events, and a state of which only the last value counts. */
export function outpost({ name, root, random, liveMs }: Place, { periodMs, comesAndGoes }: OutpostHabits): Behaviour {
  const [field, event] = [`${root}/field/${name}`, `${root}/event/${name}`];
  const bursts: Channel[] = [
    { flow: "reading", topic: `${field}/reading`, qos: 1, expirySeconds: 86_400 },
    { flow: "total", topic: `${field}/total`, qos: 2 },
    { flow: "notice", topic: `${event}/notice`, qos: 1 },
    { flow: "alarm", topic: `${event}/alarm`, qos: 2 },
  ];
  const singles: Channel[] = [
    { flow: "pulse", topic: `${field}/pulse`, qos: 0 },
    { flow: "state", topic: `${root}/state/${name}/value`, qos: 1, lastValue: true },
  ];
  const text = () => Buffer.from("x".repeat(random.whole(0, textBytesMax)));
  return {
    transport: "tcp",
    persistent: true,
    channels: [...bursts, ...singles],
    live(link, timetable) {
      for (const channel of [...bursts, ...singles]) {
        const most = bursts.includes(channel) ? burstMax : 1;
        const meanMs = (periodMs * (most + 1)) / 2;
        const firstMs = random.between(0, Math.min(meanMs, liveMs / 4));
        timetable.every(
          (turn) => (turn === 0 ? firstMs : random.waiting(meanMs)),
          () => {
            for (let left = random.whole(1, most); left > 0; left--) link.publish(channel, text());
          },
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
