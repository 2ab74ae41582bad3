import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

const periodMs = 700;
const clockErrorMs = 40 * 365 * 86_400_000;
/** What it takes for the rest of a minute, and for the rest of a day. */
const expirySecondsShort = 1;
const expirySecondsLong = 3_000_000_000;

/** Its clock is decades ahead, so that its messages come from the future and expire at once or next to never. */
export function wrongClock({ name, root, random, liveMs }: Place): Behaviour {
  const channels: Channel[] = [
    { flow: "fleeting", topic: `${root}/${name}/fleeting`, qos: 1, expirySeconds: expirySecondsShort },
    { flow: "eternal", topic: `${root}/${name}/eternal`, qos: 2, expirySeconds: expirySecondsLong },
  ];
  return {
    transport: "tcp",
    speaks: 5,
    persistent: true,
    clockErrorMs,
    channels,
    live(link, timetable) {
      for (const channel of channels) {
        timetable.every(
          () => Math.min(periodMs, liveMs / 4) * random.between(0.5, 1.5),
          () => link.publish(channel, Buffer.alloc(random.whole(0, 100))),
        );
      }
    },
  };
}
