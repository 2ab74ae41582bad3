import { describe, expect, it } from "vitest";
import { isLoopback } from "../../src/config/loopback.ts";

describe("loopback", () => {
  it.each(["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"])(
    "is %s",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );

  it.each([
    "0.0.0.0",
    "::",
    "",
    "10.0.0.1",
    "127.0.0.1.example",
    "localhost.example",
    "::2",
    "::ffff:10.0.0.1",
    "127.1",
    "fe80::1",
  ])("is not %j", (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});
