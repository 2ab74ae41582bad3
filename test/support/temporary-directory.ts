import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";

/** An empty directory that is removed when the tests of this file are through. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), "waypost-test-"));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
