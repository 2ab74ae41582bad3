import { once } from "node:events";
import { describe, expect, it } from "vitest";
import type { Connection } from "../../src/device/connection.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type Restarts, restarts } from "../support/restarts.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { Device5 } from "./mqtt5-device.ts";

const root = temporaryDirectory();
const livesSeconds = 3600;
const DELAY_SECONDS = 60;
const willOf = (payload: string) => {
  const properties = { willDelayInterval: DELAY_SECONDS };
  return { topic: "will/device", payload, qos: 1, retain: false, properties };
};

/** A gateway that holds back the will of a device that has lost its connection, and a watcher of wills that is away. */
async function house() {
  const clock = new ManualClock();
  const running = await restarts(root, {}, clock);
  const watcher = await Device5.connect(running.port, "watcher", { livesSeconds });
  await watcher.subscribe({ "will/#": 1 });
  await watcher.disconnect();
  const device = await Device5.connect(running.port, "device", { livesSeconds, will: willOf("first") });
  const gone = once(running.gateway.broker, "clientDisconnect");
  await device.cut();
  await gone;
  return { running, clock };
}

type House = Awaited<ReturnType<typeof house>>;
type Closing = { connection: Connection; clock: ManualClock };

/** Wills that were published since this was last asked. */
async function seen({ port }: Restarts): Promise<string[]> {
  const watcher = await Device5.connect(port, "watcher", { livesSeconds, clean: false });
  const messages = await watcher.takeAll();
  await watcher.disconnect();
  return messages.map(({ payload }) => payload);
}

const back = ({ port }: Restarts, choices: object = {}) =>
  Device5.connect(port, "device", { livesSeconds, clean: false, will: willOf("second"), ...choices });

/** Comes back, and is closed while the store still takes the next will: before CONNACK. */
async function closedBeforeConnack({ running, clock }: House, close: (closing: Closing) => void): Promise<void> {
  const { broker } = running.gateway;
  const { store } = broker;
  const put = store.putWill.bind(store);
  let release = () => {};
  const asked = new Promise<void>((resolve) => {
    store.putWill = (async (...will: Parameters<typeof put>) => {
      const result = await put(...will);
      resolve();
      await new Promise<void>((done) => {
        release = done;
      });
      return result;
    }) as typeof put;
  });
  const coming = back(running).catch(() => null);
  await asked;
  store.putWill = put;
  close({ connection: broker.clients.device as unknown as Connection, clock });
  expect(await coming).toBeNull();
  release();
}

/** Comes back, and takes no packet as large as a CONNACK. */
async function takesNoConnack({ running }: House): Promise<void> {
  const gone = once(running.gateway.broker, "clientDisconnect");
  expect(await back(running, { properties: { maximumPacketSize: 4 } }).catch(() => null)).toBeNull();
  await gone;
}

describe.each([
  {
    how: "takes too long before CONNACK",
    fail: (house: House) => closedBeforeConnack(house, ({ clock }) => clock.advance(12_000)),
  },
  {
    how: "is closed by an embedder before CONNACK",
    fail: (house: House) => closedBeforeConnack(house, ({ connection }) => connection.close()),
  },
  { how: "takes no packet as large as a CONNACK", fail: takesNoConnack },
])("the delayed will of a device whose next connection $how", ({ fail }) => {
  it("is published when its delay has passed: that was no return [MQTT-3.1.3-9]", async () => {
    const home = await house();
    const { running, clock } = home;
    await fail(home);
    expect(await seen(running)).toEqual([]);
    clock.advance((DELAY_SECONDS + 1) * 1000);
    expect(await seen(running)).toEqual(["first"]);
    clock.advance(2 * livesSeconds * 1000);
    expect(await seen(running)).toEqual([]);
  });

  it.each(["stopped", "killed"] as const)("and after a gateway that is %s too, once", async (how) => {
    const home = await house();
    const { running, clock } = home;
    await fail(home);
    const next = await running[how]();
    expect(await seen(next)).toEqual([]);
    clock.advance((DELAY_SECONDS + 1) * 1000);
    expect(await seen(next)).toEqual(["first"]);
    const last = await next[how]();
    clock.advance(2 * DELAY_SECONDS * 1000);
    expect(await seen(last)).toEqual([]);
  });

  it("is not published once the device has come back after all [MQTT-3.1.3-9]", async () => {
    const home = await house();
    const { running, clock } = home;
    await fail(home);
    const device = await back(running);
    expect(device.sessionPresent).toBe(true);
    clock.advance((DELAY_SECONDS + 1) * 1000);
    expect(await seen(running)).toEqual([]);
    await device.disconnect();
  });
});
