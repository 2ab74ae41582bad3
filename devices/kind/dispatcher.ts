import { comeAndGo } from "../come-and-go.ts";
import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

const burstPeriodMs = 120;
const burstMax = 20;
/** Longest stretch that its stays and absences are fractions of. */
const cycleMsMax = 8_000;
const textBytesMax = 200;

/**
 * Sends bursts of notices and tariffs to all of its sleepers and orders to single ones, whether they are there or not.
 * It falls off now and then itself, and sends again what was not acknowledged.
 */
export function dispatcher({ name, root, random, liveMs }: Place, sleepers: readonly string[]): Behaviour {
  const notice: Channel = { flow: "notice", topic: `${root}/${name}/notice`, qos: 1, expirySeconds: 86_400 };
  const tariff: Channel = { flow: "tariff", topic: `${root}/${name}/tariff`, qos: 2 };
  const orders = sleepers.map(
    (sleeper): Channel => ({ flow: "order", topic: `${root}/${name}/order/${sleeper}`, qos: 2 }),
  );
  const cycleMs = Math.min(cycleMsMax, liveMs);
  const text = () => Buffer.from("x".repeat(random.whole(0, textBytesMax)));
  return {
    transport: "tcp",
    persistent: true,
    channels: [notice, tariff, ...orders],
    live(link, timetable) {
      timetable.every(
        () => burstPeriodMs * random.between(0.3, 1.7),
        () => {
          for (let left = random.whole(1, burstMax); left > 0; left--) {
            link.publish(notice, text());
            link.publish(tariff, text());
          }
          link.publish(orders[random.whole(0, orders.length - 1)]!, text());
        },
      );
      comeAndGo(link, timetable, {
        departures: ["cut", "reset"],
        stayMs: [0.2 * cycleMs, 0.6 * cycleMs],
        awayMs: [0.02 * cycleMs, 0.1 * cycleMs],
        random,
      });
    },
  };
}
