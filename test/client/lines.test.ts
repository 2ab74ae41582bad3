import { describe, expect, it } from "vitest";
import { allOf, linesOf } from "../../src/client/lines.ts";

async function* chunksOf(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}

async function linesIn(...texts: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(chunksOf(...texts), 10)) lines.push(line.toString());
  return lines;
}

describe("lines", () => {
  it("are cut at line feeds, wherever the chunks end", async () => {
    expect(await linesIn("a\nb", "c\n", "", "d", "e", "f\ng\n")).toEqual(["a", "bc", "def", "g"]);
  });

  it("may be empty, keep their carriage return, and the last one needs no line feed", async () => {
    expect(await linesIn("\n\na\r\nlast")).toEqual(["", "", "a\r", "last"]);
    expect(await linesIn()).toEqual([]);
  });

  it("that no packet can carry are refused before they are complete", async () => {
    await expect(linesIn("123456", "789012")).rejects.toMatchObject({ code: "ERR_PACKET_TOO_LARGE" });
    await expect(allOf(chunksOf("123456", "789012"), 10)).rejects.toMatchObject({ code: "ERR_PACKET_TOO_LARGE" });
  });
});
