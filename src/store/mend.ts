import type { Log } from "../log.ts";
import type { GroupCommit } from "./group-commit.ts";
import type { Recovered } from "./recover.ts";
import type { SegmentDirectory } from "./segment-file.ts";
import type { SegmentLog } from "./segment-log.ts";

/** Lines named one by one in the log. */
const NAMED_MAX = 20;

/** Says what was lost of the files, if anything. */
export function tellFindings({ segments }: Recovered, log: Log): void {
  for (const { segment, tornBytes, tornIsDamaged, damage, documents } of segments) {
    const fields = { segment: segment.name };
    if (tornBytes > 0) {
      const text = tornIsDamaged
        ? `${segment.name}: cut off ${tornBytes} bytes of the last write, which is damaged, as a power cut leaves it before anybody is told that it has succeeded`
        : `${segment.name}: cut off ${tornBytes} bytes of a write that was interrupted; nobody was told that it had succeeded`;
      log.warn({ ...fields, bytes: tornBytes }, text);
    }
    if (damage.length === 0) continue;
    for (const { line, offset, why } of damage.slice(0, NAMED_MAX)) {
      log.error({ ...fields, line, offset }, `${segment.name}, line ${line} (byte ${offset}) is damaged: ${why}`);
    }
    const text = `${segment.name}: ${damage.length} damaged places; the ${documents} entries that could be read are kept, what those places held is lost`;
    log.error({ ...fields, damaged: damage.length, kept: documents }, text);
  }
}

/**
 * Writes what is good of damaged segments anew, and keeps the files under another name for whoever wants to look. All
 * older segments are written anew too: what the damaged ones say of their entries (settled, gone) goes away.
 */
export async function setDamagedAside(
  { segments }: Recovered,
  directory: SegmentDirectory,
  log: SegmentLog,
  commits: GroupCommit,
  time: string,
): Promise<string[]> {
  const names: string[] = [];
  const last = segments.findLastIndex(({ damage }) => damage.length > 0);
  const affected = segments.slice(0, last + 1);
  for (const { segment } of affected) await commits.moveOut(segment);
  for (const { segment, damage } of affected) {
    if (damage.length === 0) await directory.remove(segment.name);
    else {
      const name = `${segment.name}.corrupt-${time}`;
      await directory.rename(segment.name, name);
      names.push(name);
    }
    log.forget(segment);
  }
  return names;
}
