import { WaypostError } from "../../waypost-error.ts";

/** The parameters of a query. @throws ERR_USAGE where one is given twice */
export function readQuery(query: string): Record<string, string> {
  const entries = [...new URLSearchParams(query)];
  const names = new Set<string>();
  for (const [name] of entries) {
    if (names.has(name)) throw new WaypostError("ERR_USAGE", `query: ${JSON.stringify(name)} is given twice`);
    names.add(name);
  }
  return Object.fromEntries(entries);
}
