// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ${VAR} in a configuration file is what is described
import { type ConfigKey, configKeys, inputSchema } from "./keys.ts";

const introduction = `# Configuration

<!-- Written by \`npm run schema\` from src/config/schema.ts. Change that file, not this one. -->

Every key is optional. What is given later wins: the defaults below, the file (\`waypost start --config waypost.yaml\`, or its
name in \`WAYPOST_CONFIG\`), the environment, \`--set\`.

- [waypost.yaml](waypost.yaml) has every key with its default.
- [raspberry-pi.yaml](raspberry-pi.yaml) is a small gateway that listens on the local network.
- [work.yaml](work.yaml) hands work to workers: queues, priorities, order by key, and a group of devices.
- [waypost.schema.json](waypost.schema.json) lets editors complete and check a file whose first line is
  \`# yaml-language-server: $schema=./waypost.schema.json\`.

\`waypost check --config waypost.yaml\` lists all mistakes at once, each with file, line and column.

${table([
  ["way", "example"],
  ["environment", "`WAYPOST_LISTENERS__MQTT__PORT=1884`: two underscores between levels, case does not matter"],
  [
    "file of one value",
    "`WAYPOST_AUTHENTICATION__USERS__ALICE__PASSWORD_FILE=/run/secrets/alice`: `_FILE` after any of these variables names a file that holds the value",
  ],
  ["flag", "`waypost start --set listeners.mqtt.port=1884`, as often as needed"],
  [
    "variable in the file",
    "`name: ${SITE}` is replaced from the environment; a missing one is a mistake; `$${` is a literal `${`",
  ],
])}

Sizes in bytes are integers or texts such as \`64KiB\`, \`16MiB\`, \`500kB\`. Listeners are a map by name: \`mqtt\` and \`web\` exist
by default, an entry of the same name changes them, \`enabled: false\` switches them off, and any other name adds a listener.
Queues, groups, bridges and users are maps by name too. A variable means the one that exists in its spelling, whatever the case:
\`WAYPOST_QUEUES__JOBS__CONSUMERWINDOW=5\` is \`queues.jobs.consumerWindow\`. A name with a dot in it is given in the file.
A list is given whole, in the environment and with \`--set\` as one line of YAML:
\`--set 'queues.jobs.topics=["jobs/#"]'\`, \`--set 'mailboxes.classes=[{topics: [alarm/#], priority: 9}]'\`. In the tables, \`[]\`
stands for each of its items. What a bridge needs can be given as a whole in the environment, its password from a file:
\`WAYPOST_BRIDGES__CLOUD__URL=mqtts://upstream.example\`, \`WAYPOST_BRIDGES__CLOUD__PASSWORD_FILE=/run/secrets/cloud\`,
\`WAYPOST_BRIDGES__CLOUD__TOPICS=[{filter: telemetry/#}]\`.
`;

/** The reference of all keys as Markdown. */
export function configReference(): string {
  const sections = Object.entries(inputSchema().properties ?? {});
  const parts = sections.map(([name, { description = "" }]) => {
    const rows = rowsOf(configKeys().filter((key) => key.path[0] === name));
    return `## ${name}\n\n${description}\n\n${table([["key", "value", "default", "meaning"], ...rows])}\n`;
  });
  return [introduction, ...parts].join("\n");
}

/** A Markdown table, its columns aligned as the formatter of this repository does it. */
function table([head = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** One row for each path: a key that several listener types share is described once, with each type's default. */
function rowsOf(keys: readonly ConfigKey[]): string[][] {
  return [...groupByPath(keys)].map(([path, variants]) => {
    const first = variants[0]!;
    const isOneVariantOnly = variants.length === 1 && first.variant !== undefined;
    const meaning =
      [...new Set(variants.map((key) => key.doc))].join(" ") + (isOneVariantOnly ? ` (${first.variant} only)` : "");
    return [`\`${path}\``, valuesText(variants), defaultOf(variants), meaning];
  });
}

function pathOf(key: ConfigKey): string {
  const path = key.path.map((part) => (part === "*" ? "<name>" : part)).join(".");
  return path.replaceAll(".[]", "[]");
}

function groupByPath(keys: readonly ConfigKey[]): Map<string, ConfigKey[]> {
  const groups = new Map<string, ConfigKey[]>();
  for (const key of keys) groups.set(pathOf(key), [...(groups.get(pathOf(key)) ?? []), key]);
  return groups;
}

function valuesText(variants: readonly ConfigKey[]): string {
  const { kind, unit, minimum, maximum } = variants[0]!;
  if (kind === "choice")
    return [...new Set(variants.flatMap((key) => key.words))].map((word) => `\`${word}\``).join(", ");
  if (kind === "bytes") return "size in bytes";
  if (kind === "maps" || kind === "texts") return `list of ${kind}`;
  if (kind === "number") return `${minimum} to ${maximum}${unit === undefined ? "" : ` ${unit}`}`;
  return kind === "boolean" ? "`true` or `false`" : "text";
}

function defaultOf(variants: readonly ConfigKey[]): string {
  const values = new Set(variants.map((key) => shown(key.defaultValue)));
  if (values.size === 1) return [...values].join();
  return variants.map((key) => `${shown(key.defaultValue)} (${key.variant})`).join(", ");
}

function shown(value: unknown): string {
  if (value === undefined) return "";
  return `\`${Array.isArray(value) ? JSON.stringify(value) : String(value)}\``;
}
