import type { Behaviour, Place } from "../device.ts";
import type { Channel } from "../outgoing.ts";

export type CasterHabits = {
  /** Groups with members, by what the report calls them. */
  groups: Readonly<Record<string, string>>;
  /** Groups that reach nobody: without members, or unknown to the gateway. */
  nobody: Readonly<Record<string, string>>;
  periodMs: number;
};

/** Sends to groups, at every QoS that is promised, and to groups in which nobody is. */
export function caster({ name, root, random, liveMs }: Place, { groups, nobody, periodMs }: CasterHabits): Behaviour {
  const channels: Channel[] = [
    ...Object.entries(groups).flatMap(([title, group]): Channel[] => [
      { flow: `${title}, notice`, topic: `${root}/${name}/${title}/notice`, qos: 1, via: `$group/${group}` },
      { flow: `${title}, alarm`, topic: `${root}/${name}/${title}/alarm`, qos: 2, via: `$group/${group}` },
    ]),
    ...Object.entries(nobody).map(
      ([title, group]): Channel => ({
        flow: title,
        topic: `${root}/${name}/${title}`,
        qos: 1,
        via: `$group/${group}`,
        reachesNobody: true,
      }),
    ),
  ];
  return {
    transport: "tcp",
    persistent: true,
    channels,
    live(link, timetable) {
      for (const channel of channels) {
        const firstMs = random.between(0, Math.min(periodMs, liveMs / 4));
        timetable.every(
          (turn) => (turn === 0 ? firstMs : periodMs * random.between(0.5, 1.5)),
          () => link.publish(channel, Buffer.from("x".repeat(random.whole(0, 200)))),
        );
      }
    },
  };
}
