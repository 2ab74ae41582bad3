import { assignVersions } from "./assign-versions.ts";
import { clientIdOf } from "./client-id.ts";
import type { GroupPlan } from "./ledger/audience.ts";
import type { QueuePlan } from "./ledger/job-book.ts";
import { memberMatches } from "./member-matches.ts";
import { type Protocol, type ProtocolVersion, versionNames } from "./protocol-version.ts";
import { type Destinations, noDestinations } from "./scenario/destinations.ts";
import type { Member, Scenario } from "./scenario/scenario.ts";
import type { BridgePlan } from "./uplink/bridge-plan.ts";

export type Cast = {
  /** Topics begin with it. */
  root: string;
  /** Client ids begin with it. */
  alias: string;
  members: readonly Member[];
  versions: ReadonlyMap<string, ProtocolVersion>;
  /** How many devices speak which version of MQTT; versions that nobody speaks are not there. */
  speakers: Readonly<Record<string, number>>;
  destinations: Destinations;
  queues: readonly QueuePlan[];
  groups: readonly GroupPlan[];
  /** Of a scenario with a cloud. */
  bridge: BridgePlan | undefined;
};

export type CastOptions = {
  scenario: Scenario;
  devices: number;
  seconds: number;
  seed: number;
  /** First level of all topics. */
  prefix: string;
  protocol: Protocol;
};

/** Which devices there are in this run, and what each of them speaks. The same options give the same fleet. */
export function castFleet(options: CastOptions, alias: string): Cast {
  const { scenario, devices, seconds, seed, prefix, protocol } = options;
  const root = `${prefix}/${alias}`;
  const stage = { root, alias, label: alias, seed, liveMs: seconds * 1_000 };
  const members = scenario.cast(devices, stage);
  const versions = new Map(assignVersions(membersWithChoice(members), protocol, seed));
  for (const { name, behaviour } of members) if (behaviour.speaks !== undefined) versions.set(name, behaviour.speaks);
  const speakers: Record<string, number> = {};
  for (const version of [...versions.values()].sort()) {
    const name = versionNames[version];
    speakers[name] = (speakers[name] ?? 0) + 1;
  }
  const destinations = scenario.destinations?.(stage) ?? noDestinations;
  const plans = { queues: queuePlans(destinations, alias), groups: groupPlans(destinations, alias, members) };
  const bridge = scenario.bridge?.(stage);
  return { root, alias, members, versions, speakers, destinations, bridge, ...plans };
}

function membersWithChoice(members: readonly Member[]): string[] {
  return members.flatMap(({ name, behaviour }) => (behaviour.speaks === undefined ? [name] : []));
}

function queuePlans({ queues }: Destinations, alias: string): QueuePlan[] {
  return Object.entries(queues).map(([name, { topics, settleTimeoutSeconds, keyTopicLevel }]) => ({
    name,
    title: name.replace(`${alias}-`, ""),
    topics,
    settleTimeoutMs: settleTimeoutSeconds * 1_000,
    ...(keyTopicLevel === undefined ? {} : { keyTopicLevel }),
  }));
}

function groupPlans({ groups }: Destinations, alias: string, members: readonly Member[]): GroupPlan[] {
  return Object.entries(groups).map(([name, { members: patterns, qos }]) => ({
    name,
    qos,
    members: members
      .map((member) => member.name)
      .filter((member) => patterns.some((pattern) => memberMatches(pattern, clientIdOf(alias, member)))),
  }));
}
