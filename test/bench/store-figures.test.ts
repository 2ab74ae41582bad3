import { expect, it } from "vitest";
import { withPerMessage } from "../../bench/store-figures.ts";

it("divides what was written by the messages that it was written for", () => {
  const figures = { storeBytesWritten: 30_000, storeMessagesWritten: 100, storeCommits: 4 };
  expect(withPerMessage(figures)).toMatchObject({ storeBytesPerMessage: 300, storeMessagesPerCommit: 25 });
});

it("has no figure per message where none was written", () => {
  const figures = { storeBytesWritten: 512, storeMessagesWritten: 0, storeCommits: 1 };
  expect(withPerMessage(figures).storeBytesPerMessage).toBeNaN();
});

it("shows nothing of a broker that says nothing", () => {
  expect(withPerMessage({})).toEqual({});
});
