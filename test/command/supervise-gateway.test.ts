import { EventEmitter, once } from "node:events";
import { afterEach, describe, expect, it, vi } from "vitest";
import { type RunningGateway, superviseGateway } from "../../src/command/supervise-gateway.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { createLog } from "../../src/log.ts";
import { WaypostError } from "../../src/waypost-error.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** A gateway that records what is asked of it, supervised, with signals to send and lines to wait for. */
function supervised(
  behaviour: Partial<RunningGateway> = {},
  reload: () => LoadedConfig = () => loadConfig({ environment: {} }),
) {
  const signals = new EventEmitter();
  const lines = new EventEmitter();
  const calls: string[] = [];
  const texts: string[] = [];
  const log = createLog(
    { level: "info", format: "json" },
    {
      write(line) {
        texts.push(JSON.parse(line).msg);
        lines.emit("line");
      },
    },
  );
  const gateway: RunningGateway = {
    addresses: new Map(),
    failed: new Promise(() => {}),
    async start() {
      calls.push("start");
    },
    async stop() {
      calls.push("stop");
    },
    async reconfigure() {
      calls.push("reconfigure");
      return { applied: ["log.level"], needsRestart: ["store.engine"] };
    },
    ...behaviour,
  };
  const code = superviseGateway({
    gateway,
    log,
    signals,
    reload,
    exit: (exitCode) => calls.push(`exit ${exitCode}`),
    onReady: () => signals.emit("ready"),
  });
  return { signals, lines, texts, calls, code, ready: once(signals, "ready") };
}

describe("a supervised gateway", () => {
  it.each(["SIGINT", "SIGTERM"])("stops at %s and exits with 0", async (signal) => {
    const { signals, calls, code, ready } = supervised();
    await ready;
    signals.emit(signal, signal);
    expect(await code).toBe(0);
    expect(calls).toEqual(["start", "stop"]);
    expect(signals.listenerCount(signal)).toBe(0);
  });

  it("that is still starting is stopped after it has started", async () => {
    let started = () => {};
    const start = new Promise<void>((resolve) => {
      started = resolve;
    });
    const { signals, calls, code } = supervised({ start: () => start });
    signals.emit("SIGTERM", "SIGTERM");
    expect(calls).toEqual([]);
    started();
    expect(await code).toBe(0);
    expect(calls).toEqual(["stop"]);
  });

  it("that cannot start is logged and exits with 1", async () => {
    const start = () => Promise.reject(new WaypostError("ERR_LISTEN", "port 1883 is taken"));
    const { texts, calls, code } = supervised({ start });
    expect(await code).toBe(1);
    expect(texts).toEqual(["the gateway did not start: port 1883 is taken"]);
    expect(calls).toEqual(["stop"]);
  });

  it("that does not stop within 8 s is left behind with 1", async () => {
    const { signals, calls, texts, ready } = supervised({ stop: () => new Promise(() => {}) });
    await ready;
    vi.useFakeTimers();
    signals.emit("SIGTERM", "SIGTERM");
    await vi.advanceTimersByTimeAsync(7999);
    expect(calls).toEqual(["start"]);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toEqual(["start", "exit 1"]);
    expect(texts.at(-1)).toContain("longer than 8 s");
  });

  it("exits at once at a second signal", async () => {
    const { signals, calls, ready } = supervised({ stop: () => new Promise(() => {}) });
    await ready;
    signals.emit("SIGINT", "SIGINT");
    signals.emit("SIGINT", "SIGINT");
    signals.emit("SIGTERM", "SIGTERM");
    expect(calls).toEqual(["start", "exit 130", "exit 143"]);
  });

  it("whose stopping fails exits with 1", async () => {
    const { signals, code, ready } = supervised({
      stop: () => Promise.reject(new WaypostError("ERR_STORE", "disk full")),
    });
    await ready;
    signals.emit("SIGTERM", "SIGTERM");
    expect(await code).toBe(1);
  });
});

describe("SIGHUP", () => {
  it("applies a valid configuration and says what needs a restart", async () => {
    const { signals, lines, texts, calls, ready } = supervised();
    await ready;
    signals.emit("SIGHUP", "SIGHUP");
    while (texts.length < 2) await once(lines, "line");
    expect(calls).toEqual(["start", "reconfigure"]);
    expect(texts).toEqual([
      "SIGHUP: configuration reloaded, applied log.level",
      "takes effect after a restart: store.engine",
    ]);
  });

  it("with an invalid configuration logs every mistake and changes nothing", async () => {
    const reload = () => loadConfig({ environment: {}, overrides: ["log.level=loud", "zebra.x=1"] });
    const { signals, lines, texts, calls, ready } = supervised({}, reload);
    await ready;
    signals.emit("SIGHUP", "SIGHUP");
    while (texts.length < 2) await once(lines, "line");
    expect(calls).toEqual(["start"]);
    expect(texts).toEqual([
      expect.stringContaining("nothing was changed: --set log.level must be one of"),
      expect.stringContaining("nothing was changed: --set zebra.x is no setting"),
    ]);
  });

  it("with a listener that cannot open does not claim that nothing was changed", async () => {
    const reconfigure = () => Promise.reject(new WaypostError("ERR_LISTEN", "cannot listen on port 1884"));
    const { signals, lines, texts, ready } = supervised({ reconfigure });
    await ready;
    signals.emit("SIGHUP", "SIGHUP");
    while (texts.length < 1) await once(lines, "line");
    expect(texts).toEqual(["SIGHUP: the configuration was not applied in full: cannot listen on port 1884"]);
  });
});

it("exits with 1 when a part of the gateway fails for good", async () => {
  const failed = Promise.resolve(new WaypostError("ERR_LISTEN", "cannot listen"));
  const { code, calls } = supervised({ failed });
  expect(await code).toBe(1);
  expect(calls).toContain("stop");
});
