/** What a configuration says before it is validated. Maps have no prototype, so that every name is an ordinary one. */
export type RawValue = string | number | boolean | null | RawValue[] | { [key: string]: RawValue };
export type RawMap = { [key: string]: RawValue };

/** Where a key and its value were written, ready to be shown. `rank` sorts: the file by offset, then environment, then flags. */
export interface Source {
  readonly text: string;
  readonly rank: number;
}

interface Written {
  readonly key: Source;
  readonly value: Source;
}

/** The merged configuration of all layers, and for each path the place that it came from. */
export class ConfigTree {
  readonly root: RawMap = rawMap();
  readonly #written = new Map<string, Written>();

  /** Notes where a path was written, without changing its value. */
  note(path: readonly string[], written: Written): void {
    this.#written.set(keyOf(path), written);
  }

  /** Sets one value, creating the maps on the way; a later layer wins over whatever stood there and below. */
  set(path: readonly string[], value: RawValue, source: Source): void {
    let map = this.root;
    for (const [depth, name] of path.slice(0, -1).entries()) {
      const next = map[name];
      if (isRawMap(next)) {
        map = next;
        continue;
      }
      const created = rawMap();
      map[name] = created;
      this.note(path.slice(0, depth + 1), { key: source, value: source });
      map = created;
    }
    map[path.at(-1) ?? ""] = value;
    this.#forgetBelow(path);
    this.note(path, { key: source, value: source });
  }

  get(path: readonly string[]): RawValue | undefined {
    let value: RawValue | undefined = this.root;
    for (const name of path) {
      if (Array.isArray(value)) value = value[Number(name)];
      else if (isRawMap(value)) value = value[name];
      else return undefined;
    }
    return value;
  }

  /** Where the value of a path was written; for one that is missing, where its nearest parent's key was. */
  sourceOfValue(path: readonly string[]): Source | undefined {
    return this.#written.get(keyOf(path))?.value ?? this.sourceOfKey(path.slice(0, -1), path.length > 0);
  }

  sourceOfKey(path: readonly string[], more = true): Source | undefined {
    const found = this.#written.get(keyOf(path))?.key;
    if (found !== undefined || path.length === 0 || !more) return found;
    return this.sourceOfKey(path.slice(0, -1));
  }

  /** What was written below a list that is replaced says nothing about the items that take their places. */
  #forgetBelow(path: readonly string[]): void {
    const prefix = `${keyOf(path).slice(0, -1)},`;
    for (const key of this.#written.keys()) if (key.startsWith(prefix)) this.#written.delete(key);
  }
}

export function rawMap(): RawMap {
  return Object.create(null) as RawMap;
}

export function isRawMap(value: RawValue | undefined): value is RawMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}
