import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type CallerHabits = {
  /** Who answers, on which topic below the root. */
  responders: readonly string[];
  /** Hears calls and never answers. */
  silent: readonly string[];
  periodMs: number;
};

/** A call is not worth anything any more after this, so it may expire. */
const patienceSeconds = 20;

/** Calls services by MQTT 5 request and response, one that never answers and one that nobody has among them. */
export function caller(
  { name, root, random, liveMs }: Place,
  { responders, silent, periodMs }: CallerHabits,
): Behaviour {
  const base = { qos: 1, expirySeconds: patienceSeconds } as const;
  const channels: Channel[] = [
    ...responders.map(
      (responder): Channel => ({
        ...base,
        flow: "call",
        topic: `${root}/${responder}/call/${name}`,
        call: { responder },
      }),
    ),
    ...silent.map(
      (responder): Channel => ({
        ...base,
        flow: "call unheard",
        topic: `${root}/${responder}/call/${name}`,
        call: { responder, silent: true },
      }),
    ),
    {
      ...base,
      flow: "call to nobody",
      topic: `${root}/nobody/call/${name}`,
      reachesNobody: true,
      call: { responder: undefined },
    },
  ];
  return {
    transport: "tcp",
    speaks: 5,
    persistent: true,
    asks: true,
    channels,
    live(link, timetable) {
      for (const channel of channels) {
        const firstMs = random.between(0, Math.min(periodMs, liveMs / 4));
        timetable.every(
          (turn) => (turn === 0 ? firstMs : periodMs * random.between(0.5, 1.5)),
          () => link.publish(channel, Buffer.from("x".repeat(random.whole(0, 100)))),
        );
      }
    },
  };
}
