import { describe, expect, it } from "vitest";
import { createLog, type LogFormat, type LogLevel, silentLog } from "../src/log.ts";
import { WaypostError } from "../src/waypost-error.ts";

function logTo(level: LogLevel, format: LogFormat = "json") {
  const lines: string[] = [];
  return { log: createLog({ level, format }, { write: (line) => lines.push(line) }), lines };
}

describe("the log", () => {
  it("writes one JSON object a line with level, ISO time, fields and text", () => {
    const { log, lines } = logTo("info");
    log.info({ device: "lamp" }, "connected");
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith("\n")).toBe(true);
    const { time, ...rest } = JSON.parse(lines[0] ?? "");
    expect(rest).toEqual({ level: "info", device: "lamp", msg: "connected" });
    expect(new Date(time).toISOString()).toBe(time);
  });

  it("leaves out what is below its level", () => {
    const { log, lines } = logTo("warn");
    for (const level of ["trace", "debug", "info", "warn", "error"] as const) log[level]({}, level);
    expect(lines.map((line) => JSON.parse(line).level)).toEqual(["warn", "error"]);
    log.setLevel("silent");
    log.error({}, "unheard");
    expect(lines).toHaveLength(2);
  });

  it("changes the level of children that exist already", () => {
    const { log, lines } = logTo("info");
    const child = log.child({ device: "lamp" }).child({ connection: 1 });
    child.debug({}, "before");
    log.setLevel("debug");
    child.debug({}, "after");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ device: "lamp", connection: 1, msg: "after" }]);
  });

  it("tells what a peer did by code and message, and a defect with its stack", () => {
    const { log, lines } = logTo("info");
    log.warn({ error: new WaypostError("ERR_MALFORMED_PACKET", "bad flags") }, "closed");
    log.error({ error: new TypeError("x is undefined") }, "crashed");
    const [peer, defect] = lines.map((line) => JSON.parse(line).error);
    expect(peer).toEqual({ code: "ERR_MALFORMED_PACKET", message: "bad flags" });
    expect(defect).toMatchObject({ type: "TypeError", stack: expect.stringContaining("log.test.ts") });
  });

  it("writes for people, in one line, when that is wanted", () => {
    const { log, lines } = logTo("info", "pretty");
    log.info({ device: "lamp" }, "connected");
    expect(lines).toEqual([expect.stringMatching(/^\[.*\] .*INFO.*connected.*lamp.*\n$/)]);
  });

  it("can be silent", () => {
    silentLog.child({}).error({}, "nothing");
    silentLog.setLevel("trace");
  });
});
