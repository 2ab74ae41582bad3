import { appendFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { SegmentSnapshot } from "../../src/store/segment-snapshot.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const [one, two] = ["segment-00000001.db", "segment-00000002.db"] as const;

describe("a snapshot of segments", () => {
  it("holds what was there, whatever is added, removed or created later", async () => {
    const path = temporaryDirectory();
    await writeFile(join(path, two), "second");
    await writeFile(join(path, one), "first");
    await writeFile(join(path, `${one}.corrupt-then`), "is no segment");
    const snapshot = await SegmentSnapshot.take(path);
    await appendFile(join(path, two), " and more");
    await rm(join(path, one));
    await writeFile(join(path, "segment-00000003.db"), "third");
    expect(await snapshot.list()).toEqual([one, two]);
    expect((await snapshot.read(one)).toString()).toBe("first");
    expect((await snapshot.read(two)).toString()).toBe("second");
    await snapshot.close();
  });

  it("makes and changes nothing", async () => {
    const path = temporaryDirectory();
    await writeFile(join(path, `${one}~`), "of NeDB");
    await (await SegmentSnapshot.take(path)).close();
    expect(await readdir(path)).toEqual([`${one}~`]);
    await expect(SegmentSnapshot.take(join(path, "none"))).rejects.toMatchObject({
      code: "ERR_STORE",
      message: expect.stringContaining("there is no store directory"),
    });
    expect(await readdir(path)).toEqual([`${one}~`]);
  });
});
