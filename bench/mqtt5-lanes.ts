import type { Lane, Load, ThroughputLane } from "./lane.ts";

/** What 5 may cost where it brings nothing: how many times its deliveries those of 3.1.1 may be. */
const costMax = 1.1;

/** For each lane of 3.1.1 the same in 5, and what only 5 has. */
export function mqtt5Lanes(twins: readonly ThroughputLane[]): readonly Lane[] {
  const lane = (twinName: string, suffix: string, what: string, load: Partial<Load>): Lane => {
    const twin = twins.find(({ name }) => name === twinName)!;
    const title = `${twin.title}${what}`;
    return { name: `v5-${twin.name}${suffix}`, title, kind: "mqtt5", twin: twin.name, load: { ...twin.load, ...load } };
  };
  const plain = twins.map(({ name }) => ({ ...lane(name, "", "", { protocol: "5" }), costMax }));
  return [
    ...plain,
    { ...lane("q0-broadcast", "-mixed", ", half in 3.1.1", { protocol: "mixed" }), costMax },
    lane("q0-pairs", "-properties", ", 4 user properties", { protocol: "5", userProperties: 4 }),
    lane("q0-pairs", "-aliases", ", topic aliases", { protocol: "5", topicAliases: true }),
  ];
}
