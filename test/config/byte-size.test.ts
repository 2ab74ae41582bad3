import { describe, expect, it } from "vitest";
import { formatByteSize, parseByteSize } from "../../src/config/byte-size.ts";

describe("a byte size", () => {
  it.each([
    ["0", 0],
    ["4096", 4096],
    ["1B", 1],
    ["64KiB", 65536],
    ["16 MiB", 16777216],
    ["1GiB", 1073741824],
    ["500kB", 500000],
    ["1.5KiB", 1536],
    ["2MB", 2000000],
    ["1GB", 1000000000],
  ])("%s is %i bytes", (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(["", "MiB", "-1", "1e3", "1kb", "1K", "0.3B", "1 MiB ", "99999999999GiB", "٣MiB"])("is not %j", (text) => {
    expect(parseByteSize(text)).toBeUndefined();
  });

  it.each([
    [16777216, "16MiB"],
    [1000, "1000B"],
    [0, "0B"],
    [65536, "64KiB"],
    [1073741824, "1GiB"],
  ])("of %i is written %s", (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
    expect(parseByteSize(text)).toBe(bytes);
  });
});
