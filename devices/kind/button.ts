import type { Behaviour, Place } from "../device.ts";

const meanWaitMs = 3_000;

/** Is pressed rarely and irregularly, and no press may get lost. */
export function button({ name, root, random, liveMs }: Place): Behaviour {
  const press = { flow: "press", topic: `${root}/${name}/press`, qos: 1, expirySeconds: 3_600 } as const;
  return {
    transport: "tcp",
    channels: [press],
    live(link, timetable) {
      const firstMs = random.between(0, Math.min(meanWaitMs, liveMs / 2));
      timetable.every(
        (turn) => (turn === 0 ? firstMs : random.waiting(meanWaitMs)),
        () => link.publish(press, Buffer.from(JSON.stringify({ held: random.chance(0.2) }))),
      );
    },
  };
}
