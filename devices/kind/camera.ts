import { randomFillSync } from "node:crypto";
import type { Behaviour, Place } from "../device.ts";

const periodMs = 2_000;
const pictureBytesMin = 64_000;
const pictureBytesMax = 1_000_000;

/** All pictures are cut from here: filling a megabyte for each would cost more than sending it. */
const noise = randomFillSync(Buffer.allocUnsafeSlow(2 * pictureBytesMax));

/** Sends a picture of 64 kB to 1 MB every two seconds; a torn one is noticed by its checksum. */
export function camera({ name, root, random, liveMs }: Place): Behaviour {
  const picture = { flow: "picture", topic: `${root}/${name}/picture`, qos: 1 } as const;
  return {
    transport: "tcp",
    channels: [picture],
    live(link, timetable) {
      const firstMs = random.between(0, Math.min(periodMs, liveMs / 2));
      timetable.every(
        (turn) => (turn === 0 ? firstMs : periodMs * random.between(0.8, 1.2)),
        () => {
          const bytes = random.whole(pictureBytesMin, pictureBytesMax);
          const start = random.whole(0, noise.length - bytes);
          link.publish(picture, noise.subarray(start, start + bytes));
        },
      );
    },
  };
}
