import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { type RunningGateway, startGateway } from "../support/start-gateway.ts";
import { type Certificates, hasOpenssl, makeCertificates } from "./bridge-certificates.ts";
import { bridged, drained, keptPort, reportOf } from "./bridge-house.ts";
import { hasMosquittoBroker, MosquittoBroker } from "./bridge-mosquitto.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";

/** Where an upstream is: `far` for clients of its own, the rest are settings of the bridge. */
interface Place {
  far: string;
  farVersion: 4 | 5;
  bridge: object & { url: string };
}

const qosLevels = [0, 1, 2] as const;
/** A client that does not wait for more to send: MQTT.js writes a packet in pieces, and leaves that to the system. */
async function promptClient(url: string, protocolVersion: 4 | 5): Promise<MqttJsClient> {
  const client = await MqttJsClient.connected(url, { protocolVersion });
  (client.client.stream as Socket).setNoDelay(true);
  return client;
}

/** `site` is what its topics begin with there: others use the same upstream. */
const rulesOf = (site: string) => [
  { filter: "up/#", direction: "up", remotePrefix: `${site}/` },
  { filter: "cleared/#", direction: "up", remotePrefix: `${site}/`, retain: "clear" },
  { filter: "down/#", direction: "down", remotePrefix: `${site}/`, localPrefix: "cloud/" },
  { filter: "plain/#", direction: "down", remotePrefix: `${site}/`, localPrefix: "cloud/", retain: "clear" },
  { filter: "at-most/1", direction: "up", remotePrefix: `${site}/`, qos: 1 },
];
let sites = 0;

/** A gateway with a bridge there, a client of each, and what came through. */
async function between({ far, farVersion, bridge }: Place) {
  const clock = new ManualClock();
  const site = `site-${++sites}`;
  const farClient = await promptClient(far, farVersion);
  const retained = { qos: 1, retain: true } as const;
  await farClient.client.publishAsync(`${site}/down/before`, "before", retained);
  const wanted = ["up", "cleared", "at-most"].map((each) => `${site}/${each}/#`);
  await farClient.client.subscribeAsync(wanted, { qos: 2, rap: true });
  const bridges = { cloud: { connectSeconds: 100, topics: rulesOf(site), ...bridge } };
  const gateway = await startGateway({ bridges }, clock);
  const near = await promptClient(urlOf("TCP", gateway), 5);
  await near.client.subscribeAsync({ "cloud/#": { qos: 2, rap: true } });
  await bridged(gateway, clock);
  return { clock, gateway, near, far: farClient, site };
}

/** What every upstream does, whatever version of MQTT it speaks. */
async function passes({ near, far, gateway, site }: Awaited<ReturnType<typeof between>>): Promise<void> {
  expect(await near.message()).toMatchObject({ topic: "cloud/down/before", payload: "before", qos: 1 });
  for (const qos of qosLevels) {
    await near.client.publishAsync(`up/${qos}`, `up ${qos}`, { qos });
    expect(await far.message()).toMatchObject({ topic: `${site}/up/${qos}`, payload: `up ${qos}`, qos, retain: false });
    await far.client.publishAsync(`${site}/down/${qos}`, `down ${qos}`, { qos });
    expect(await near.message()).toMatchObject({ topic: `cloud/down/${qos}`, payload: `down ${qos}`, qos });
  }
  await near.client.publishAsync("at-most/1", "lowered", { qos: 2 });
  expect(await far.message()).toMatchObject({ topic: `${site}/at-most/1`, payload: "lowered", qos: 1 });
  await near.client.publishAsync("elsewhere", "no rule takes it", { qos: 1 });
  const kept = { qos: 1, retain: true } as const;
  await near.client.publishAsync("cleared/r", "ordinary", kept);
  await near.client.publishAsync("up/r", "retained", kept);
  expect((await far.take(2)).map(({ payload }) => payload).sort()).toEqual(["ordinary", "retained"]);
  await far.client.publishAsync(`${site}/plain/r`, "ordinary", kept);
  await far.client.publishAsync(`${site}/down/r`, "retained", kept);
  expect((await near.take(2)).map(({ payload }) => payload)).toEqual(["ordinary", "retained"]);
  await drained(gateway);
}

/** The payloads that a client finds retained there: so many, and no more. */
async function retainedAt(url: string, filter: string, protocolVersion: 4 | 5, count: number): Promise<string[]> {
  const late = await promptClient(url, protocolVersion);
  await late.client.subscribeAsync([filter, "end"], { qos: 1 });
  const found = await late.take(count);
  await late.client.publishAsync("end", "end", { qos: 1 });
  found.push(await late.message());
  return found.map(({ payload, retain }) => (retain ? `${payload}, retained` : payload)).sort();
}

async function retains(place: Place, { gateway, site }: Awaited<ReturnType<typeof between>>): Promise<void> {
  const [ordinary, kept] = ["ordinary, retained", "retained, retained"]; // what says ordinary is so at the other side
  const atFar = await retainedAt(place.far, `${site}/+/r`, place.farVersion, 3);
  expect(atFar).toEqual(["end", ordinary, kept, kept]);
  const atNear = await retainedAt(urlOf("TCP", gateway), "cloud/#", 5, 2);
  expect(atNear).toEqual(["before, retained", "end", kept]);
}
/** What MQTT 5 says beside the message passes too, and its time runs on while it waits. */
async function passesProperties({
  near,
  far,
  gateway,
  clock,
  site,
}: Awaited<ReturnType<typeof between>>): Promise<void> {
  const { administration } = gateway.gateway;
  const said = {
    contentType: "text/plain",
    payloadFormatIndicator: true,
    responseTopic: "answers/1",
    correlationData: Buffer.from("7"),
    userProperties: { one: "1", two: ["2", "zwei"] },
  };
  const properties = { ...said, messageExpiryInterval: 100 };
  await far.client.publishAsync(`${site}/down/properties`, "said", { qos: 1, properties });
  expect((await near.message()).properties).toMatchObject({ ...said, messageExpiryInterval: 100 });
  await administration.pause({ kind: "bridge", name: "cloud" });
  await near.client.publishAsync("up/properties", "said", { qos: 1, properties });
  await near.client.publishAsync("up/expired", "expired", { qos: 1, properties: { messageExpiryInterval: 30 } });
  clock.advance(40_000);
  await administration.resume({ kind: "bridge", name: "cloud" });
  const { topic, properties: came } = await far.message();
  expect(topic).toBe(`${site}/up/properties`);
  expect({ ...came, userProperties: { ...came.userProperties } }).toMatchObject({ ...said, messageExpiryInterval: 60 });
  await drained(gateway);
  expect(far.messages).toEqual([]);
  expect(complaintsOf(gateway)).toEqual([expect.stringContaining("waited too long for the bridge cloud and expired")]);
}

function complaintsOf({ log }: RunningGateway): string[] {
  return log.complaints.map(({ text }) => text).filter((text) => text.includes("bridge"));
}

describe.skipIf(!hasMosquittoBroker || !hasOpenssl)("a bridge to Mosquitto", () => {
  let mosquitto: MosquittoBroker;
  let certificates: Certificates;
  const port = { tcp: 0, web: 0, tls: 0, webTls: 0 };

  beforeAll(async () => {
    for (const each of ["tcp", "web", "tls", "webTls"] as const) port[each] = await keptPort();
    mosquitto = new MosquittoBroker((directory) => {
      certificates = makeCertificates(directory);
      const { ca, server } = certificates;
      const tls = [`cafile ${ca}`, `certfile ${server.cert}`, `keyfile ${server.key}`, "require_certificate true"];
      return [
        `listener ${port.tcp} 127.0.0.1`,
        `listener ${port.web} 127.0.0.1`,
        "protocol websockets",
        `listener ${port.tls} 127.0.0.1`,
        ...tls,
        `listener ${port.webTls} 127.0.0.1`,
        "protocol websockets",
        ...tls.slice(0, 3),
      ];
    });
    await mosquitto.start();
  });

  afterAll(() => mosquitto.remove());

  const tls = () => ({ tls: { ca: certificates.ca, ...certificates.client } });
  const rows: [name: string, bridge: () => Place["bridge"], version: 4 | 5][] = [
    ["over TCP", () => ({ url: `mqtt://127.0.0.1:${port.tcp}` }), 5],
    ["over TCP with MQTT 3.1.1", () => ({ url: `mqtt://127.0.0.1:${port.tcp}`, protocol: "3.1.1" }), 4],
    ["over TLS with a client certificate", () => ({ url: `mqtts://127.0.0.1:${port.tls}`, ...tls() }), 5],
    ["over WebSocket", () => ({ url: `ws://127.0.0.1:${port.web}/mqtt` }), 5],
    ["over WebSocket with TLS", () => ({ url: `wss://127.0.0.1:${port.webTls}`, ...tls() }), 5],
  ];

  it.each(rows)("%s passes messages both ways, under other topics, with what they say", async (_, bridge, version) => {
    const place: Place = { far: `mqtt://127.0.0.1:${port.tcp}`, farVersion: version, bridge: bridge() };
    const all = await between(place);
    expect(reportOf(all.gateway)).toMatchObject({ url: place.bridge.url, protocol: version === 5 ? "5" : "3.1.1" });
    await passes(all);
    await retains(place, all);
    expect(complaintsOf(all.gateway)).toEqual([]);
    if (version === 5) await passesProperties(all);
  });
});

describe("a bridge to another gateway", () => {
  it.each(["TCP", "WebSocket"] as const)(
    "over %s passes messages both ways, under other topics, with what they say",
    async (carrier) => {
      const upstream = await startGateway();
      const place: Place = { far: urlOf("TCP", upstream), farVersion: 5, bridge: { url: urlOf(carrier, upstream) } };
      const all = await between(place);
      await passes(all);
      await retains(place, all);
      expect(complaintsOf(all.gateway)).toEqual([]);
      await passesProperties(all);
    },
  );
});

describe("a bridge to a broker that knows no MQTT 5", () => {
  it("falls back to 3.1.1, and passes messages both ways, under other topics", async () => {
    const aedes = await Aedes.createBroker();
    const server: Server = createServer((socket: Socket) => void aedes.handle(socket)).listen(0, "127.0.0.1");
    onTestFinished(() => new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve()))));
    await once(server, "listening");
    const url = `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
    const place: Place = { far: url, farVersion: 4, bridge: { url } };
    const all = await between(place);
    expect(reportOf(all.gateway).protocol).toBe("3.1.1");
    await passes(all);
    await retains(place, all);
  });
});
