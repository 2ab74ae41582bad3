import type { Strays } from "./open-stream.ts";

const examplesMax = 3;

/** What came and belongs to nobody. */
export class StrayBook {
  readonly #strays = new Map<string, Strays>();

  add(flow: string, kind: "foreign" | "corrupted", example: string): void {
    const strays = this.#strays.get(flow) ?? { foreign: 0, corrupted: 0, examples: [] };
    strays[kind]++;
    if (strays.examples.length < examplesMax) strays.examples.push(example);
    this.#strays.set(flow, strays);
  }

  of(flow: string): Strays | undefined {
    return this.#strays.get(flow);
  }
}
