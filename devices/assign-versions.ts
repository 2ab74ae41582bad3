import type { Protocol, ProtocolVersion } from "./protocol-version.ts";
import { createRandom } from "./random.ts";

/**
 * The MQTT version of each device, by its name. `mixed` gives each kind of device half of each version, so that
 * publishers and receivers of both meet on the same topics; the same seed gives the same versions.
 */
export function assignVersions(
  names: readonly string[],
  protocol: Protocol,
  seed: number,
): ReadonlyMap<string, ProtocolVersion> {
  if (protocol !== "mixed") {
    const version = protocol === "5" ? 5 : 4;
    return new Map(names.map((name) => [name, version]));
  }
  const kinds = new Map<string, string[]>();
  for (const name of names) {
    const kind = name.replace(/-\d+$/, "");
    const members = kinds.get(kind);
    if (members === undefined) kinds.set(kind, [name]);
    else members.push(name);
  }
  const versions = new Map<string, ProtocolVersion>();
  const single: string[] = [];
  const random = createRandom(seed, "MQTT versions");
  for (const members of kinds.values()) single.push(...pairUp(members));
  for (const last of pairUp(single)) versions.set(last, random.chance(0.5) ? 5 : 4);
  return versions;

  /** Gives the one that is left over. By pairs and not by coins: in a small fleet, all coins may fall alike. */
  function pairUp(members: readonly string[]): string[] {
    for (let index = 0; index + 1 < members.length; index += 2) {
      const first = random.chance(0.5) ? 5 : 4;
      versions.set(members[index]!, first);
      versions.set(members[index + 1]!, first === 5 ? 4 : 5);
    }
    return members.length % 2 === 1 ? [members.at(-1)!] : [];
  }
}
