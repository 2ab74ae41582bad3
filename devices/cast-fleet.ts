import { assignVersions } from "./assign-versions.ts";
import type { DevicesOptions } from "./options.ts";
import { type ProtocolVersion, versionNames } from "./protocol-version.ts";
import type { Member } from "./scenario/scenario.ts";

export type Cast = {
  /** Topics begin with it. */
  root: string;
  members: readonly Member[];
  versions: ReadonlyMap<string, ProtocolVersion>;
  /** How many devices speak which version of MQTT; versions that nobody speaks are not there. */
  speakers: Readonly<Record<string, number>>;
};

/** Which devices there are in this run, and what each of them speaks. The same options give the same fleet. */
export function castFleet(
  options: Pick<DevicesOptions, "scenario" | "devices" | "seconds" | "seed" | "prefix" | "protocol">,
  run: string,
): Cast {
  const { scenario, devices, seconds, seed, prefix, protocol } = options;
  const root = `${prefix}/${run}`;
  const members = scenario.cast(devices, { root, seed, liveMs: seconds * 1_000 });
  const names = members.map(({ name }) => name);
  const versions = assignVersions(names, protocol, seed);
  const speakers: Record<string, number> = {};
  for (const version of [...versions.values()].sort()) {
    const name = versionNames[version];
    speakers[name] = (speakers[name] ?? 0) + 1;
  }
  return { root, members, versions, speakers };
}
