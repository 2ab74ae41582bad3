import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLMap,
} from "yaml";
import type { RankedMistake } from "./config-error.ts";
import { type ConfigTree, type RawMap, type RawValue, rawMap, type Source } from "./config-tree.ts";
import { type Environment, interpolate } from "./interpolate.ts";
import { areDestinationNames, settingNameMistake } from "./setting-name.ts";
import { valueOfText } from "./value-of-text.ts";

// Far beyond any honest configuration; small enough that an alias bomb ends quickly.
const depthMax = 32;
const nodesMax = 20_000;
const aliasesMax = 100;

export interface YamlReading {
  readonly mistakes: readonly RankedMistake[];
  readonly warnings: readonly string[];
  /** Whether the syntax was good enough for the values to be worth validating. */
  readonly readable: boolean;
}

/** Reads YAML text into the tree, noting the line and column of every key and value, with `${VAR}` replaced. */
export function readYaml(file: string, text: string, environment: Environment, tree: ConfigTree): YamlReading {
  return new YamlReader(file, text, environment, tree).read();
}

class YamlReader {
  readonly #file: string;
  readonly #text: string;
  readonly #environment: Environment;
  readonly #tree: ConfigTree;
  readonly #lines = new LineCounter();
  readonly #mistakes: RankedMistake[] = [];
  #document: Document.Parsed | undefined;
  #nodes = 0;
  #aliases = 0;
  #readable = true;

  constructor(file: string, text: string, environment: Environment, tree: ConfigTree) {
    this.#file = file;
    this.#text = text;
    this.#environment = environment;
    this.#tree = tree;
  }

  read(): YamlReading {
    const warnings: string[] = [];
    try {
      const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false } as const;
      this.#document = parseDocument(this.#text, options);
      for (const error of this.#document.errors) {
        this.#readable = false;
        this.#mistake(this.#at(error.pos[0]), [], syntaxText(error.code, error.message));
      }
      for (const warning of this.#document.warnings) {
        warnings.push(`${this.#at(warning.pos[0]).text} ${warning.message}`);
      }
      if (this.#readable) this.#readRoot(this.#document);
    } catch (error) {
      // The parser recurses, so that thousands of nested brackets exhaust the stack.
      if (!(error instanceof RangeError)) throw error;
      this.#tooLarge(this.#at(0), []);
    }
    return { mistakes: this.#mistakes, warnings, readable: this.#readable };
  }

  #readRoot(document: Document.Parsed): void {
    const contents = document.contents;
    const start = this.#at(contents?.range?.[0] ?? 0);
    this.#tree.note([], { key: start, value: start });
    if (contents === null || (isScalar(contents) && contents.value === null)) return;
    if (isMap(contents)) {
      Object.assign(this.#tree.root, this.#readMap(contents, []));
      return;
    }
    this.#readable = false;
    this.#mistake(start, [], "the configuration must be a map of sections such as listeners, limits and log");
  }

  #readValue(node: Node | null, path: string[], source: Source): RawValue {
    this.#nodes += 1;
    if (this.#nodes > nodesMax || path.length > depthMax) {
      this.#tooLarge(source, path);
      return null;
    }
    if (isAlias(node)) {
      this.#aliases += 1;
      if (this.#aliases > aliasesMax) this.#nodes = nodesMax;
      const target = this.#document === undefined ? undefined : node.resolve(this.#document);
      return this.#readValue(target ?? null, path, source);
    }
    if (isMap(node)) return this.#readMap(node, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => this.#readItem(item as Node | null, [...path, String(index)], source));
    }
    if (isScalar(node)) return this.#readScalar(node.value, path, source);
    return null;
  }

  #readItem(item: Node | null, path: string[], listSource: Source): RawValue {
    const offset = item?.range?.[0];
    const source = offset === undefined ? listSource : this.#at(offset);
    this.#tree.note(path, { key: source, value: source });
    return this.#readValue(item, path, source);
  }

  #readScalar(value: unknown, path: string[], source: Source): RawValue {
    if (typeof value === "number" || typeof value === "boolean") return value;
    if (value === null || value === undefined) return null;
    const { text, replaced, problems } = interpolate(String(value), this.#environment);
    for (const problem of problems) this.#mistake(source, path, problem);
    return replaced ? valueOfText(path, text) : text;
  }

  #readMap(map: YAMLMap, path: string[]): RawMap {
    const result = rawMap();
    for (const pair of map.items) {
      if (!this.#readable) break;
      const key = pair.key as Node | null;
      const keySource = this.#at(key?.range?.[0] ?? map.range?.[0] ?? 0);
      if (!isScalar(key) || key.value === null || typeof key.value === "object") {
        this.#mistake(keySource, path, "has a key that is not text: write keys as plain words");
        continue;
      }
      const name = String(key.value);
      const valueNode = pair.value as Node | null;
      const valueSource = isEmpty(valueNode) ? keySource : this.#at(valueNode?.range?.[0] ?? 0);
      const childPath = [...path, name];
      const problem = nameProblem(name, path, result);
      if (problem !== undefined) {
        this.#mistake(keySource, childPath, problem);
        continue;
      }
      this.#tree.note(childPath, { key: keySource, value: valueSource });
      const value = this.#readValue(valueNode, childPath, valueSource);
      result[name] = value;
    }
    return result;
  }

  /** Position of an offset as `file:line:column`, counted from 1. */
  #at(offset: number): Source {
    const { line, col } = this.#lines.linePos(offset);
    return { text: `${this.#file}:${Math.max(line, 1)}:${Math.max(col, 1)}`, rank: offset };
  }

  #tooLarge(source: Source, path: readonly string[]): void {
    if (!this.#readable) return;
    this.#readable = false;
    this.#mistake(source, path, "is nested too deeply or repeats too much through aliases: write it out plainly");
  }

  #mistake(source: Source, path: readonly string[], message: string): void {
    this.#mistakes.push({ source: source.text, path: path.join("."), message, rank: source.rank });
  }
}

function nameProblem(name: string, path: readonly string[], siblings: RawMap): string | undefined {
  if (Object.hasOwn(siblings, name)) return "is given twice in the same map: keep one of the two";
  const mistake = settingNameMistake(name, path);
  if (mistake !== undefined) return mistake;
  // Elsewhere the schema would pass over this one name in silence.
  return name === "__proto__" && !areDestinationNames(path) ? "is no known key: remove it" : undefined;
}

function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null && node.source === "");
}

function syntaxText(code: string, message: string): string {
  if (code === "MULTIPLE_DOCS") return "starts a second YAML document: a configuration is one document";
  if (code === "TAB_AS_INDENT") return "is indented with a tab: YAML wants spaces";
  return `is not valid YAML: ${message}`;
}
