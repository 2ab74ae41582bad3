import { describe, expect, it } from "vitest";
import { refusalText, streamTrouble } from "../../src/bridge/trouble.ts";
import { WaypostError } from "../../src/waypost-error.ts";

const url = "mqtts://upstream.example:8883";
const streamError = (code?: string, more: object = {}) =>
  new WaypostError(
    "ERR_STREAM",
    "it broke",
    code === undefined ? {} : { cause: Object.assign(new Error(code), { code, ...more }) },
  );

describe("what is wrong with an upstream", () => {
  it.each([
    ["ECONNREFUSED", /^nobody listens there/],
    ["ENOTFOUND", /^the name of the host is not known/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /set tls\.serverName, or correct the url/],
    ["CERT_HAS_EXPIRED", /has expired, or the clock/],
    ["ERR_SSL_WRONG_VERSION_NUMBER", /speaks no TLS/],
  ])("is told of %s with what to do and where", (code, text) => {
    const told = streamTrouble(streamError(code), url);
    expect(told).toMatchObject({ code: "ERR_UPSTREAM", message: expect.stringMatching(text) });
    expect(told?.message).toContain(`(${code}, ${url})`);
  });

  it("is found where a host has several addresses, none of which answers", () => {
    const errors = [{ code: "ECONNREFUSED" }, { code: "ENETUNREACH" }];
    const several = new WaypostError("ERR_STREAM", "", { cause: Object.assign(new AggregateError([]), { errors }) });
    expect(streamTrouble(several, url)?.message).toContain("nobody listens there");
  });

  it("is told as it is where nothing is known of it, and never without words", () => {
    expect(streamTrouble(streamError(), url)?.message).toBe("the upstream closed the connection");
    expect(streamTrouble(streamError("EWHATEVER"), url)?.message).toBe("it broke");
    expect(streamTrouble(null, url)).toBeNull();
    const other = new WaypostError("ERR_MALFORMED_PACKET", "reserved flags");
    expect(streamTrouble(other, url)).toBe(other);
  });
});

describe("why an upstream refuses", () => {
  it("is told in words, with its code", () => {
    expect(refusalText(0x86)).toBe("user name or password is wrong (0x86)");
    expect(refusalText(4, undefined, 4)).toBe("user name or password is wrong (0x04)");
    expect(refusalText(0x8e)).toMatch(/give each bridge a clientId of its own/);
  });

  it("is told where the code means nothing", () => {
    expect(refusalText(0xfe)).toContain("0xfe");
    expect(refusalText(0x86, undefined, 4)).toContain("0x86");
  });

  it("is told with what the upstream says, on one line and not endlessly", () => {
    const text = refusalText(0x97, { reasonString: `a\nb\u001b[31m${"x".repeat(60_000)}` });
    expect(text).not.toMatch(/\p{Cc}/u);
    expect(text.length).toBeLessThan(400);
  });

  it("names the server that is to be used instead", () => {
    expect(refusalText(0x9d, { serverReference: "b.example" })).toMatch(/"b\.example": set the url of the bridge/);
    expect(refusalText(0x9c)).toMatch(/does not say which/);
  });
});
