import type { Behaviour, Place } from "../device.ts";

const periodMs = 1_000;

/** Reports the temperature about once a second; the last reading stays retained for whoever looks later. */
export function thermometer({ name, root, random, liveMs }: Place): Behaviour {
  const topic = `${root}/${name}/temperature`;
  const temperature = { flow: "temperature", topic, qos: 0, retain: true, expirySeconds: 600 } as const;
  let celsius = random.between(16, 24);
  return {
    transport: "tcp",
    channels: [temperature],
    live(link, timetable) {
      const firstMs = random.between(0, Math.min(periodMs, liveMs / 2));
      timetable.every(
        (turn) => (turn === 0 ? firstMs : periodMs * random.between(0.9, 1.1)),
        () => {
          celsius += random.between(-0.2, 0.2);
          link.publish(temperature, Buffer.from(JSON.stringify({ celsius: Number(celsius.toFixed(2)) })));
        },
      );
    },
  };
}
