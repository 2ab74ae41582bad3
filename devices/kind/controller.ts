import type { Behaviour, Place } from "../device.ts";

const periodMs = 1_500;

/** Commands the lamps and hears their states, and sends settings and tariffs to flaky sensors, away or not. */
export function controller(
  { root, random, liveMs }: Place,
  { lamps, flakySensors }: { lamps: readonly string[]; flakySensors: readonly string[] },
): Behaviour {
  const command = (lamp: string) => ({ flow: "command", topic: `${root}/${lamp}/command`, qos: 1 }) as const;
  const settings = (sensor: string) => ({ flow: "settings", topic: `${root}/${sensor}/settings`, qos: 1 }) as const;
  const tariff = (sensor: string) => ({ flow: "tariff", topic: `${root}/${sensor}/tariff`, qos: 2 }) as const;
  const duties = [
    ...lamps.map((lamp) => ({
      channel: command(lamp),
      body: () => ({ on: random.chance(0.5), brightness: random.whole(1, 100) }),
    })),
    ...flakySensors.map((sensor) => ({
      channel: settings(sensor),
      body: () => ({ periodMs: random.whole(100, 1_000) }),
    })),
    ...flakySensors.map((sensor) => ({
      channel: tariff(sensor),
      body: () => ({ centPerLitre: random.whole(1, 9) }),
    })),
  ];
  return {
    transport: "tcp",
    subscriptions: { [`${root}/+/state`]: 1 },
    channels: duties.map(({ channel }) => channel),
    live(link, timetable) {
      for (const { channel, body } of duties) {
        const firstMs = random.between(0, Math.min(periodMs, liveMs / 2));
        timetable.every(
          (turn) => (turn === 0 ? firstMs : periodMs * random.between(0.7, 1.3)),
          () => link.publish(channel, Buffer.from(JSON.stringify(body()))),
        );
      }
    },
  };
}
