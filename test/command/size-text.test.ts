import { expect, it } from "vitest";
import { sizeText } from "../../src/command/size-text.ts";

it.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1536, "1.5 KiB"],
  [20 * 1024 ** 2, "20.0 MiB"],
  [3000 * 1024 ** 3, "3000.0 GiB"],
])("%s bytes are %s", (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
