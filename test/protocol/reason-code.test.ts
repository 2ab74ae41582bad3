import { describe, expect, it } from "vitest";
import { ConnectRefused, connackCode } from "../../src/protocol/connect-refused.ts";
import { isFailure, reasonCode, reasonCodeOf, refusalCodeOf } from "../../src/protocol/reason-code.ts";
import { WaypostError } from "../../src/waypost-error.ts";

const refusedWith = (code: unknown) =>
  Object.assign(new WaypostError("ERR_INVARIANT", "refused by a hook"), { reasonCode: code });

describe("reason codes", () => {
  it.each([
    ["ERR_MALFORMED_PACKET", 0x81],
    ["ERR_PROTOCOL_VIOLATION", 0x82],
    ["ERR_PACKET_TOO_LARGE", 0x95],
    ["ERR_TOPIC_INVALID", 0x90],
    ["ERR_NOT_AUTHORIZED", 0x87],
    ["ERR_KEEP_ALIVE_TIMEOUT", 0x8d],
    ["ERR_LIMIT_EXCEEDED", 0x97],
    ["ERR_STORE", 0x80],
  ] as const)("of %s is what the specification has for it (2.4)", (code, expected) => {
    expect(reasonCodeOf(new WaypostError(code, "why"))).toBe(expected);
  });

  it.each([
    [connackCode.unacceptableProtocolVersion, 0x84],
    [connackCode.identifierRejected, 0x85],
    [connackCode.serverUnavailable, 0x88],
    [connackCode.badUserNameOrPassword, 0x86],
    [connackCode.notAuthorized, 0x87],
  ])("of a CONNECT refused with return code %i is that of MQTT 5 (3.2.2.2)", (returnCode, expected) => {
    expect(reasonCodeOf(new ConnectRefused(returnCode, "why"))).toBe(expected);
    const better = new ConnectRefused(returnCode, "why", { reasonCode: reasonCode.badAuthenticationMethod });
    expect(reasonCodeOf(better)).toBe(0x8c);
  });

  it("that a hook gives are passed on where they say that something failed", () => {
    for (const code of [0x80, 0x97, 0xff]) expect(reasonCodeOf(refusedWith(code))).toBe(code);
    for (const code of [0, 0x7f, 0x100, Number.NaN, "0x97", null]) {
      expect(reasonCodeOf(refusedWith(code))).toBe(reasonCode.unspecifiedError);
    }
  });

  it("of whatever is thrown are failures", () => {
    for (const thrown of [undefined, null, "text", 5, {}, new TypeError("oops")]) {
      expect(isFailure(reasonCodeOf(thrown)), String(thrown)).toBe(true);
      expect(refusalCodeOf(thrown)).toBe(reasonCode.notAuthorized);
    }
  });
});
