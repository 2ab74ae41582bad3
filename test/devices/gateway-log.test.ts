import { expect, it } from "vitest";
import { GatewayLog } from "../../devices/gateway-log.ts";

const line = (fields: object) => JSON.stringify({ level: "info", ...fields });

it("learns a gateway's addresses from its log, whatever else is in it", async () => {
  const log = new GatewayLog();
  log.read("not JSON");
  log.read("null");
  log.read(line({ msg: "listening", listener: "mqtt", type: "tcp", host: "127.0.0.1", port: 40001 }));
  log.read(line({ msg: "listening", listener: "web", type: "http", host: "::1", port: 40002 }));
  log.read(line({ msg: "waypost is ready: mqtt on mqtt://127.0.0.1:40001" }));
  await expect(log.ready).resolves.toEqual({ url: "mqtt://127.0.0.1:40001", wsUrl: "ws://[::1]:40002/mqtt" });
});

it("keeps the last ten lines and the complaints among them", () => {
  const log = new GatewayLog();
  for (let index = 1; index <= 30; index++)
    log.read(line({ level: index === 15 ? "error" : "info", msg: `line ${index}` }));
  expect(log.lastLines).toHaveLength(10);
  expect(log.lastLines.at(-1)).toContain("line 30");
  expect(log.complaints).toEqual([expect.stringContaining("line 15")]);
});
