import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { startGateway } from "../support/start-gateway.ts";
import { keptPort } from "./bridge-house.ts";
import { hasMosquittoBroker, MosquittoBroker } from "./bridge-mosquitto.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";

/** What a client that subscribes only then finds retained. */
async function retainedAt(url: string, filter: string): Promise<string[]> {
  const late = await MqttJsClient.connected(url, { protocolVersion: 4 });
  await late.client.subscribeAsync([filter, "end"], { qos: 1 });
  await late.client.publishAsync("end", "end", { qos: 1 });
  const found: string[] = [];
  for (;;) {
    const { topic, payload } = await late.message();
    if (topic === "end") return found;
    found.push(payload);
  }
}

describe.skipIf(!hasMosquittoBroker)("Mosquitto, bridged to a gateway as its defaults have it,", () => {
  it("stays connected, and passes messages both ways with what they say of being retained", async () => {
    const running = await startGateway();
    const left: string[] = [];
    running.gateway.broker.on("clientDisconnect", ({ id }) => left.push(id));
    const near = await MqttJsClient.connected(urlOf("TCP", running));
    await near.client.subscribeAsync({ "m/#": { qos: 1, rap: true } });
    const port = await keptPort();
    const url = `mqtt://127.0.0.1:${port}`;
    const mosquitto = new MosquittoBroker(() => [
      `listener ${port} 127.0.0.1`,
      "connection edge",
      `address 127.0.0.1:${running.port}`,
      "topic m/# both 1",
      "bridge_protocol_version mqttv311",
    ]);
    onTestFinished(() => mosquitto.remove());
    const subscribed = once(running.gateway.broker, "subscribe");
    await mosquitto.start();
    await subscribed;
    const far = await MqttJsClient.connected(url, { protocolVersion: 4 });
    await far.client.subscribeAsync("m/#", { qos: 1 });
    const kept = { qos: 1, retain: true } as const;
    await far.client.publishAsync("m/far", "from there", kept);
    expect(await near.message()).toMatchObject({ payload: "from there", retain: true });
    expect((await far.message()).payload).toBe("from there");
    await near.client.publishAsync("m/near", "from here", kept);
    for (const each of [near, far]) expect((await each.message()).payload).toBe("from here");
    expect(await retainedAt(url, "m/near")).toEqual(["from here"]);
    await near.client.publishAsync("m/near", "", kept);
    for (const each of [near, far]) expect((await each.message()).payload).toBe("");
    expect(await retainedAt(url, "m/near")).toEqual([]);
    expect(left).toEqual([]);
  });
});
