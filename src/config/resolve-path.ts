import { type ConfigTree, isRawMap } from "./config-tree.ts";
import { type ConfigKey, keysAt, keysBelow } from "./keys.ts";
import { nearestName, plain } from "./nearest-name.ts";
import { settingNameMistake } from "./setting-name.ts";

/** Where a setting was given: a variable is spelt in capitals, a flag as one likes. */
type Layer = "environment" | "flag";

/** The path of a key spelt in any case; or, as text, what is wrong with it. */
export function resolvePath(segments: readonly string[], tree: ConfigTree, layer: Layer): string[] | string {
  const path: string[] = [];
  for (const segment of segments) {
    const below = keysBelow(path);
    const list = keysAt(path).find(isList);
    if (list !== undefined) return `is no setting: ${path.join(".")} is a list, give it whole as ${exampleOf(list)}`;
    if (below.length === 0) return `is no setting: ${path.join(".")} has nothing below it`;
    const names = new Set(below.map((key) => key.path[path.length] ?? ""));
    if (names.has("*")) {
      const chosen = chosenName(segment, path, tree, layer);
      if ("mistake" in chosen) return `is no setting: ${chosen.mistake}`;
      path.push(chosen.name);
      continue;
    }
    const name = [...names].find((known) => plain(known) === plain(segment));
    if (name === undefined) {
      const nearest = nearestName(segment, names);
      const where = path.length === 0 ? "section" : `key of ${path.join(".")}`;
      return `is no setting: no ${where} is called ${segment}${nearest === undefined ? `; there are ${[...names].join(", ")}` : `; did you mean ${nearest}?`}`;
    }
    path.push(name);
  }
  return keysAt(path).length > 0 ? path : `is no setting: ${path.join(".")} is a section, name one key in it`;
}

function isList({ kind }: ConfigKey): boolean {
  return kind === "maps" || kind === "texts";
}

function exampleOf({ path, kind }: ConfigKey): string {
  const below = keysBelow(path).map((key) => `${key.path.at(-1)}: …`);
  return kind === "maps" ? `[{${below.slice(0, 2).join(", ")}}]` : "[…, …]";
}

/** A name that the user chose: the one that exists already in this spelling, or else one made of the segment. */
function chosenName(
  segment: string,
  path: readonly string[],
  tree: ConfigTree,
  layer: Layer,
): { name: string } | { mistake: string } {
  // Two users may differ in their capitals only, and then it would be the password of the wrong one; so may two queues.
  const isOwn = path[0] !== "listeners";
  const siblings = tree.get(path);
  const existing = isRawMap(siblings) ? Object.keys(siblings) : [];
  const isSame = isOwn ? sameName(segment, layer) : (name: string) => plain(name) === plain(segment);
  const found = existing.filter(isSame);
  if (isOwn && found.length > 1 && !found.includes(segment)) {
    return { mistake: `${segment} can be any of ${found.join(", ")}: give it in the file` };
  }
  const name = found.find((each) => each === segment) ?? found[0] ?? madeName(segment, isOwn, layer);
  const mistake = settingNameMistake(name, path);
  return mistake === undefined ? { name } : { mistake: `${JSON.stringify(segment)} ${mistake}` };
}

function sameName(segment: string, layer: Layer): (name: string) => boolean {
  const spelt = (name: string) => (layer === "flag" ? name : name.toLowerCase().replaceAll("-", "_"));
  return (name) => spelt(name) === spelt(segment);
}

function madeName(segment: string, isOwn: boolean, layer: Layer): string {
  if (isOwn) return layer === "flag" ? segment : segment.toLowerCase();
  return segment.toLowerCase().replaceAll("_", "-");
}
