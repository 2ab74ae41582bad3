import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScramSha256 } from "../../src/authentication/scram-sha-256.ts";
import { WaypostError } from "../../src/waypost-error.ts";
import { ScramClient } from "./scram-client.ts";
import { stockUsers } from "./stock-users.ts";

const method = new ScramSha256(stockUsers());
const client = new ScramClient({ username: "user", password: "pencil" });

/** The code of the error that ended it, or "next" where there is a next step; fails on everything else. */
async function outcomeOf(before: readonly Buffer[], data: Buffer): Promise<string> {
  const exchange = method.begin();
  for (const each of before) await exchange.next(each);
  try {
    const step = await exchange.next(data);
    expect(step.done).toBe(false);
    return "next";
  } catch (error) {
    expect(error).toBeInstanceOf(WaypostError);
    return (error as WaypostError).code;
  }
}

describe("junk", () => {
  it.each([
    "",
    "n,,",
    "n,n=user,r=abc",
    "x,,n=user,r=abc",
    "n,,n=,r=abc",
    "n,,n=user",
    "n,,n=user,r=",
    "n,,n=user,r=a b",
    "n,,r=abc,n=user",
    "n,,n=us=er,r=abc",
    "n,,n=us=2Der,r=abc",
    "n,,n=us\0er,r=abc",
    "n,b=user,n=user,r=abc",
    "n,,n=user,r=abc,",
    "n,,n=user,r=abc,x",
    "n,,n=user,r=abc,m=1",
    `n,,n=user,r=${"a".repeat(4096)}`,
    "\ufeffn,,n=user,r=abc",
  ])("as the first message is a protocol violation: %.40j", async (first) => {
    const before = first === "" ? [Buffer.alloc(0)] : [];
    expect(await outcomeOf(before, Buffer.from(first))).toBe("ERR_PROTOCOL_VIOLATION");
  });

  it.each([
    "",
    "c=biws",
    "c=biws,r=abc",
    "r=abc,c=biws,p=AAAA",
    "c=biws,r=abc,p=",
    "c=biws,r=abc,p=AAAA",
    `c=biws,r=abc,p=${"A".repeat(43)}`,
    `c=biws,r=abc,p=${"A".repeat(42)}B=`,
    `c=biws,r=abc,m=1,p=${"A".repeat(43)}=`,
    `c=biws,r=abc,p=${"A".repeat(43)}=,x=1`,
    `c=bi ws,r=abc,p=${"A".repeat(43)}=`,
    "n,,n=user,r=abc",
  ])("as the final message is a protocol violation: %.40j", async (final) => {
    expect(await outcomeOf([client.first], Buffer.from(final))).toBe("ERR_PROTOCOL_VIOLATION");
  });

  it("that is no UTF-8 is a protocol violation", async () => {
    const data = Buffer.concat([Buffer.from("n,,n="), Buffer.of(0xc3, 0x28), Buffer.from(",r=abc")]);
    expect(await outcomeOf([], data)).toBe("ERR_PROTOCOL_VIOLATION");
  });

  it("at random ends in one of the two errors, or in the next step, at both places", async () => {
    const pieces = ["n", "y", "p", "=", ",", "n=", "r=", "c=biws", "m=", "a=", "user", "=2C", "=3D", "\0", "ü", "AAAA"];
    const data = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((parts) => Buffer.from(parts.join(""))),
      fc.tuple(fc.nat(client.first.length - 1), fc.nat(255)).map(([place, byte]) => {
        const changed = Buffer.from(client.first);
        changed[place] = byte;
        return changed;
      }),
    );
    const ends = ["ERR_PROTOCOL_VIOLATION", "ERR_NOT_AUTHORIZED"];
    await fc.assert(
      fc.asyncProperty(data, async (bytes) => {
        expect([...ends, "next"]).toContain(await outcomeOf([], bytes));
        expect(ends).toContain(await outcomeOf([client.first], bytes));
      }),
      { numRuns: 3000 },
    );
  });

  it("of the largest size is read in a straight line", async () => {
    for (const part of [",", ",x=1", "=2C", "a", ",p=AAAA", ",r=", "A="]) {
      const long = part.repeat(4000).slice(0, 4000);
      for (const data of [`n,,n=${long}`, `n,,n=user,r=a${long}`, `c=biws,r=a${long}`, `c=${long}`]) {
        expect(["ERR_PROTOCOL_VIOLATION", "ERR_NOT_AUTHORIZED", "next"]).toContain(
          await outcomeOf([], Buffer.from(data)),
        );
        expect(["ERR_PROTOCOL_VIOLATION", "ERR_NOT_AUTHORIZED"]).toContain(
          await outcomeOf([client.first], Buffer.from(data)),
        );
      }
    }
  });
});
