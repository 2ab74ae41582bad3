import { describe, expect, it } from "vitest";
import { storeFigures } from "../../src/admin/store-figures.ts";
import type { StoreReport } from "../../src/store/store.ts";

const ofKind = () => ({ messages: 0, bytes: 0 });
const usage = { messages: 12, bytes: 3400, ofKind };
const retainedUsage = { messages: 3, bytes: 60 };
const report: StoreReport = {
  failing: null,
  bytesWritten: 1000,
  messagesWritten: 3,
  commits: 2,
  bytesOnDisk: 900,
  files: 1,
};

describe("the figures of a store on $SYS", () => {
  it("have Mosquitto's names where it has one", () => {
    expect(storeFigures({ usage, retainedUsage, report: () => report })).toEqual({
      "store/messages/stored": 12,
      "store/messages/count": 12,
      "store/messages/bytes": 3400,
      "retained messages/count": 3,
      "store/bytes/written": 1000,
      "store/messages/written": 3,
      "store/commits": 2,
      "store/bytes/disk": 900,
      "store/failing": 0,
      "store/bytes/per-message": "333.3",
    });
  });

  it("leave out what the store cannot say", () => {
    expect(storeFigures({ usage: null, retainedUsage: null, report: () => null })).toEqual({});
    const fresh = { ...report, messagesWritten: 0 };
    expect(storeFigures({ usage, retainedUsage, report: () => fresh })).not.toHaveProperty("store/bytes/per-message");
  });

  it("say that the store cannot be written", () => {
    const failing = { ...report, failing: "ENOSPC" };
    expect(storeFigures({ usage, retainedUsage, report: () => failing })).toMatchObject({ "store/failing": 1 });
  });
});
