/** What a queue of the gateway is configured to, in the gateway's own words. */
export type QueueSettings = {
  topics: readonly string[];
  settleTimeoutSeconds: number;
  consumerWindow?: number;
  /** 0: a job is delivered until it is settled. */
  deliveriesMax: number;
  dispatch?: "least-busy" | "round-robin" | "by-key";
  keyTopicLevel?: number;
};

export type GroupSettings = { members: readonly string[]; qos: 0 | 1 | 2 };

/** The queues and groups that a scenario needs in the gateway's configuration, by their names. */
export type Destinations = {
  queues: Readonly<Record<string, QueueSettings>>;
  groups: Readonly<Record<string, GroupSettings>>;
};

export const noDestinations: Destinations = { queues: {}, groups: {} };

type Section = readonly [name: string, entries: Readonly<Record<string, Readonly<Record<string, unknown>>>>];

const sectionsOf = ({ queues, groups }: Destinations): Section[] => [
  ["queues", queues],
  ["groups", groups],
];

/** As the gateway's `--set` takes them. */
export function settingsOf(destinations: Destinations): string[] {
  return sectionsOf(destinations).flatMap(([section, entries]) =>
    Object.entries(entries).flatMap(([name, settings]) =>
      Object.entries(settings).map(([key, value]) => `${section}.${name}.${key}=${textOf(value)}`),
    ),
  );
}

/** As the gateway's configuration file takes them; empty where there are none. */
export function yamlOf(destinations: Destinations): string {
  const lines: string[] = [];
  for (const [section, entries] of sectionsOf(destinations)) {
    if (Object.keys(entries).length === 0) continue;
    lines.push(`${section}:`);
    for (const [name, settings] of Object.entries(entries)) {
      // Quoted: a name may look like a number.
      lines.push(`  ${JSON.stringify(name)}:`);
      for (const [key, value] of Object.entries(settings)) lines.push(`    ${key}: ${textOf(value)}`);
    }
  }
  return lines.map((line) => `${line}\n`).join("");
}

function textOf(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}
