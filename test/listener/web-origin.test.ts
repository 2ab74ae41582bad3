import { describe, expect, it } from "vitest";
import { isWelcome } from "../../src/listener/web-origin.ts";

/** Origin, Host, what the configuration names, whether the page is welcome. */
const cases: [string | undefined, string | undefined, string, boolean][] = [
  [undefined, "192.168.1.5:8083", "", true],
  ["http://localhost:3000", "127.0.0.1:8083", "", true],
  ["http://127.0.0.1:8083", "127.0.0.1:8083", "", true],
  ["http://[::1]:3000", "127.0.0.1:8083", "", true],
  ["http://192.168.1.5:8083", "192.168.1.5:8083", "", true],
  ["http://192.168.1.5:3000", "192.168.1.5:8083", "", true],
  ["http://gateway.local", "gateway.local:8083", "", true],
  ["http://gateway", "gateway:8083", "", true],
  ["https://evil.example", "127.0.0.1:8083", "", false],
  ["https://evil.example", "evil.example:8083", "", false],
  ["http://192.168.1.6", "192.168.1.5:8083", "", false],
  ["http://localhost.evil.example", "127.0.0.1:8083", "", false],
  ["null", "127.0.0.1:8083", "", false],
  ["null", "127.0.0.1:8083", "null", true],
  ["not an origin", "127.0.0.1:8083", "", false],
  ["https://panel.example", "127.0.0.1:8083", "https://a.example https://panel.example", true],
  ["https://panel.example.evil.example", "127.0.0.1:8083", "https://panel.example", false],
  ["http://panel.example", "127.0.0.1:8083", "https://panel.example", false],
  ["https://evil.example", undefined, "*", true],
];

describe("a page that opens a WebSocket", () => {
  it.each(cases)("of origin %s at host %s, with %j named: welcome is %s", (origin, host, named, expected) => {
    expect(isWelcome(origin, host, named)).toBe(expected);
  });
});
