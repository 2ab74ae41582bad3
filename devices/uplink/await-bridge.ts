import { randomBytes } from "node:crypto";
import { connectAsync, type MqttClient } from "mqtt";
import { FleetError } from "../fleet-error.ts";
import type { Gateway } from "../gateway.ts";
import { within } from "../within.ts";
import type { BridgePlan, Probe } from "./bridge-plan.ts";

const answerMsMax = 5_000;
const carriedMsMax = 20_000;
const periodMs = 100;

/**
 * Waits until the bridge carries every rule in each of its directions: what is published before that reaches nobody.
 * @throws FleetError ERR_BRIDGE_SILENT
 */
export async function awaitBridge(
  { probes }: BridgePlan,
  { gateway, cloud, signal }: { gateway: Gateway; cloud: Gateway; signal: AbortSignal },
): Promise<void> {
  const clients: MqttClient[] = [];
  const open = async ({ url, wsUrl: _, ...credentials }: Gateway) => {
    const client = await connectAsync(url, { ...credentials, reconnectPeriod: 0, connectTimeout: answerMsMax });
    client.on("error", () => {});
    clients.push(client);
    return client;
  };
  try {
    const [near, far] = [await open(gateway), await open(cloud)];
    await Promise.all([
      ...probes.up.map((probe) => carry(probe, near, far, signal)),
      ...probes.down.map((probe) => carry(probe, far, near, signal)),
    ]);
  } finally {
    await Promise.all(clients.map((client) => client.endAsync(true)));
  }
}

/** QoS 0: nothing of it waits anywhere and comes when it is over. */
async function carry(probe: Probe, sender: MqttClient, receiver: MqttClient, signal: AbortSignal): Promise<void> {
  const word = randomBytes(8).toString("hex");
  const came = new Promise<void>((resolve) => {
    receiver.on("message", (topic, payload) => {
      if (topic === probe.to && payload.toString() === word) resolve();
    });
    signal.addEventListener("abort", () => resolve());
  });
  await within(answerMsMax, "SUBACK", receiver.subscribeAsync(probe.to, { qos: 0 }));
  const again = setInterval(() => sender.publish(probe.from, word), periodMs);
  try {
    await within(carriedMsMax, `what was published on ${probe.from}`, came);
  } catch (error) {
    const text = `the bridge does not carry ${probe.from} to ${probe.to}: nothing came for ${carriedMsMax} ms`;
    throw new FleetError("ERR_BRIDGE_SILENT", text, { cause: error });
  } finally {
    clearInterval(again);
  }
}
