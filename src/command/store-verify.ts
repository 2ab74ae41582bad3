import { readStore } from "../store/read-store.ts";
import type { SegmentFindings } from "../store/recover.ts";
import type { CommandContext } from "./command-context.ts";
import { exitCodes } from "./exit-code.ts";
import { sizeText } from "./size-text.ts";
import { type StoreOptions, storeDirectory } from "./store-directory.ts";

export interface VerifyOptions extends StoreOptions {
  readonly json?: boolean;
}

const tornAdvice = "nobody was told that it had succeeded, and a gateway cuts it off when it starts: nothing to do";
const damageAdvice =
  "what to do: start a gateway on it, which keeps all that can be read, sets the damaged file aside as <name>.corrupt-<time> and logs what was lost; or stop it and import a backup into an empty directory. Then look at the disk";

/** `waypost store verify`: exits with 1 where something is damaged. Errors: ERR_STORE where the store cannot be read. */
export async function storeVerify(options: VerifyOptions, context: CommandContext): Promise<number> {
  const directory = storeDirectory(options, context);
  const { segments } = await readStore(directory);
  const damaged = segments.filter(({ damage }) => damage.length > 0).length;
  const torn = segments.filter(({ tornBytes }) => tornBytes > 0).length;
  if (options.json) {
    const report = { directory, damaged, torn, segments: segments.map(fieldsOf) };
    context.stdout.write(`${JSON.stringify(report)}\n`);
  } else {
    const lines = segments.flatMap(linesOf);
    if (damaged > 0) lines.push(damageAdvice);
    const summary = damaged > 0 ? `${damaged} of ${segments.length} segments are damaged` : "nothing is damaged";
    context.stdout.write([...lines, `${directory}: ${summary}`, ""].join("\n"));
  }
  return damaged > 0 ? exitCodes.runtime : exitCodes.ok;
}

function fieldsOf({ segment, commits, documents, tornBytes, damage }: SegmentFindings) {
  const places = damage.map(({ line, offset, why }) => ({ line, byte: offset, why }));
  return {
    name: segment.name,
    verdict: verdictOf({ tornBytes, damage }),
    commits,
    entries: documents,
    tornBytes,
    damage: places,
  };
}

function linesOf(findings: SegmentFindings): string[] {
  const { segment, commits, documents, tornBytes, tornIsDamaged, damage } = findings;
  const size = sizeText(segment.bytes + tornBytes);
  const lines = [`${segment.name}: ${verdictOf(findings)}; ${commits} commits, ${documents} entries, ${size}`];
  for (const { line, offset, why } of damage) lines.push(`  line ${line}, byte ${offset}: ${why}`);
  if (tornBytes > 0) {
    const what = tornIsDamaged
      ? "are a last commit with gaps, as a power cut leaves it"
      : "are of a write that was interrupted, or is under way";
    lines.push(`  ${tornBytes} bytes from byte ${segment.bytes} on ${what}; ${tornAdvice}`);
  }
  return lines;
}

function verdictOf({ tornBytes, damage }: Pick<SegmentFindings, "tornBytes" | "damage">): "damaged" | "torn" | "whole" {
  if (damage.length > 0) return "damaged";
  return tornBytes > 0 ? "torn" : "whole";
}
