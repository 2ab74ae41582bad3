import type { Played } from "./play.ts";

interface Row {
  played: number;
  byGateway: number;
  reasonCodes: Map<number, number>;
}

/** How the connections of each kind of script came to their ends. */
export class Tally {
  readonly #rows = new Map<string, Row>();

  add(kind: string, { closedBy, reasonCode }: Played): void {
    const row = this.#rows.get(kind) ?? { played: 0, byGateway: 0, reasonCodes: new Map<number, number>() };
    this.#rows.set(kind, row);
    row.played++;
    if (closedBy === "gateway") row.byGateway++;
    if (reasonCode !== undefined) row.reasonCodes.set(reasonCode, (row.reasonCodes.get(reasonCode) ?? 0) + 1);
  }

  get played(): number {
    let played = 0;
    for (const row of this.#rows.values()) played += row.played;
    return played;
  }

  /** Lines of text: kind, connections, how many the gateway closed, and the codes that it gave. */
  lines(): string[] {
    const head = `${"kind of connection".padEnd(20)}${"played".padStart(9)}${"closed by it".padStart(14)}  with codes`;
    const rows = [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1));
    return [
      head,
      ...rows.map(([kind, { played, byGateway, reasonCodes }]) => {
        const codes = [...reasonCodes]
          .sort(([a], [b]) => a - b)
          .map(([code, times]) => `0x${code.toString(16)} ${times}`);
        return `${kind.padEnd(20)}${`${played}`.padStart(9)}${`${byGateway}`.padStart(14)}  ${codes.join(", ")}`;
      }),
    ];
  }
}
