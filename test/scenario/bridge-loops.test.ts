import { once } from "node:events";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { describe, expect, it, onTestFinished } from "vitest";
import { ManualClock } from "../support/manual-clock.ts";
import { type RunningGateway, startGateway, testConfig } from "../support/start-gateway.ts";
import { bridged, cloud, drained, keptPort, reportOf, until } from "./bridge-house.ts";
import { MqttJsClient, urlOf } from "./mqtt-js-client.ts";
import { Device5 } from "./mqtt5-device.ts";
import { turns } from "./multicast-house.ts";

interface Site extends RunningGateway {
  name: string;
  clock: ManualClock;
  device: Device5;
  hearing: MqttJsClient;
  /** Payloads that came to a subscriber here, other than marks. */
  heard: string[];
}

/** A gateway on this port, with a client that hears everything. */
async function siteOn(name: string, port: number, changes: object = {}): Promise<Site> {
  const clock = new ManualClock();
  const running = await startGateway({ listeners: { mqtt: { type: "tcp", port } }, ...changes }, clock);
  const device = await Device5.connect(port, `publisher of ${name}`);
  const hearing = await MqttJsClient.connected(urlOf("TCP", { port, webPort: 0 }));
  await hearing.client.subscribeAsync("t/#", { qos: 2 });
  return { ...running, port, name, clock, device, hearing, heard: [] };
}

/** Reads what came there until such a mark comes. */
async function hear({ hearing, heard }: Site, mark: string): Promise<void> {
  for (;;) {
    const { payload } = await hearing.message();
    if (payload === mark) return;
    if (!payload.startsWith("mark")) heard.push(payload);
  }
}

/** Everything is published everywhere, and then marks go back and forth behind it: what went in circles would have come by then. */
async function publishAt(sites: readonly Site[]): Promise<string[]> {
  const all: string[] = [];
  for (const { name, device } of sites) {
    for (const qos of [1, 2, 1, 2, 0] as const) {
      const payload = `${name} ${all.length}`;
      await device.publishWhole("t/a", payload, { qos });
      all.push(payload);
    }
  }
  for (let round = 0; round < 4; round++) {
    for (const { name, device } of sites) {
      const mark = `mark ${round} of ${name}`;
      await device.publishWhole("t/a", mark, { qos: 1 });
      for (const site of sites) await hear(site, mark);
    }
    await turns();
  }
  return all;
}

const forwarded = (sites: readonly Site[]) =>
  sites.flatMap(({ gateway }) => gateway.administration.bridges().map(({ totals }) => totals));

describe("two gateways that are bridged to each other on the same topics", () => {
  const both = [{ filter: "t/#", direction: "both" }];

  it.each([
    ["by one bridge", "5"],
    ["by one bridge", "3.1.1"],
    ["by a bridge on each side", "5"],
    ["by a bridge on each side", "3.1.1"],
  ] as const)("%s, with MQTT %s, have each message once", async (how, protocol) => {
    const [portA, portB] = [await keptPort(), await keptPort()];
    const isMutual = how === "by a bridge on each side";
    // Both ways by two bridges is twice the same way, unless each has one of them.
    const topics = isMutual ? [{ filter: "t/#", direction: "up" }] : both;
    const a = await siteOn("A", portA, cloud(portB, topics, { protocol }));
    const b = await siteOn("B", portB, isMutual ? cloud(portA, topics, { protocol }) : {});
    await bridged(a, a.clock);
    if (isMutual) await bridged(b, b.clock);
    const all = await publishAt([a, b]);
    for (const { heard } of [a, b]) expect([...heard].sort()).toEqual([...all].sort());
    const marks = 8;
    // Each message has passed one bridge once; in MQTT 5 the other may have brought it back to where it is known.
    const passed = forwarded([a, b]).reduce((sum, totals) => sum + totals.forwarded + totals.received, 0);
    expect(passed).toBe((all.length + marks) * (isMutual && protocol === "5" ? 2 : 1));
  });

  it.each(["5", "3.1.1"] as const)(
    "by a bridge on each side in both directions, with MQTT %s, come to rest",
    async (protocol) => {
      const [portA, portB] = [await keptPort(), await keptPort()];
      const a = await siteOn("A", portA, cloud(portB, both, { protocol }));
      const b = await siteOn("B", portB, cloud(portA, both, { protocol }));
      await bridged(a, a.clock);
      await bridged(b, b.clock);
      const all = await publishAt([a, b]);
      // Two ways lead from one to the other: a message may come by each of them, and never comes back.
      for (const { name, heard } of [a, b]) {
        expect(new Set(heard)).toEqual(new Set(all));
        for (const payload of all) {
          const times = heard.filter((each) => each === payload).length;
          expect(times).toBeLessThanOrEqual(payload.startsWith(name) ? 1 : 2);
        }
      }
    },
  );

  it("have each message once, also what waited at one of them while the bridge that had brought it was away", async () => {
    const [portA, portB] = [await keptPort(), await keptPort()];
    const topics = [{ filter: "t/#" }];
    const a = await siteOn("A", portA, cloud(portB, topics));
    const b = await siteOn("B", portB, cloud(portA, topics));
    await bridged(a, a.clock);
    await bridged(b, b.clock);
    const place = { kind: "bridge", name: "cloud" } as const;
    await b.gateway.administration.pause(place);
    const sent = ["1", "2", "3"];
    for (const payload of sent) await a.device.publishWhole("t/a", payload, { qos: 2 });
    await until(() => reportOf(b).messages === sent.length);
    const { connectedClients } = b.gateway.broker;
    const listeners = { mqtt: { type: "tcp", port: portA } };
    await a.gateway.reconfigure(testConfig({ listeners, ...cloud(portB, topics, { enabled: false }) }));
    await until(() => b.gateway.broker.connectedClients < connectedClients);
    await b.gateway.administration.resume(place);
    await drained(b);
    await b.device.publishWhole("t/a", "mark", { qos: 1 });
    await hear(a, "mark");
    expect(a.heard).toEqual(sent);
  });
});

describe("a client that gives back what a message said of its way", () => {
  it.each(["at the gateway from which that came", "at the upstream"])("%s is heard there", async (where) => {
    const [portA, portB] = [await keptPort(), await keptPort()];
    const a = await siteOn("A", portA, cloud(portB, [{ filter: "t/#", direction: "both" }]));
    const b = await siteOn("B", portB);
    await bridged(a, a.clock);
    await a.device.publishWhole("t/request", "question", { qos: 1 });
    const { properties } = await b.hearing.message();
    expect(Object.keys(properties.userProperties ?? {}).sort()).toEqual(["waypost-hops", "waypost-origin"]);
    const { device } = where === "at the upstream" ? b : a;
    expect(await device.publishWhole("t/answer", "answer", { qos: 1, properties: { ...properties } })).toBe(0);
    await device.publishWhole("t/answer", "mark", { qos: 1 });
    await hear(a, "mark");
    expect(a.heard).toEqual(["question", "answer"]);
    await hear(b, "mark");
    expect(b.heard).toEqual(["answer"]);
  });
});

describe("three gateways in a ring", () => {
  it.each([
    ["each to the next", "up", 1],
    ["in both directions", "both", 2],
  ] as const)("%s have each message, and come to rest", async (_, direction, timesMax) => {
    const ports = [await keptPort(), await keptPort(), await keptPort()] as const;
    const topics = [{ filter: "t/#", direction }];
    const sites: Site[] = [];
    for (const [index, port] of ports.entries()) {
      const next = ports[(index + 1) % 3] as number;
      sites.push(await siteOn(`${index}`, port, cloud(next, topics)));
    }
    for (const site of sites) await bridged(site, site.clock);
    const all = await publishAt(sites);
    for (const { name, heard } of sites) {
      expect(new Set(heard)).toEqual(new Set(all));
      for (const payload of all) {
        const times = heard.filter((each) => each === payload).length;
        expect(times).toBeLessThanOrEqual(payload.startsWith(name) ? 1 : timesMax);
      }
    }
  });
});

describe("a bridge in both directions to a broker that sends back what it is sent", () => {
  it.each([
    ["unless it is a bridge", 0],
    ["and takes no bridges", 7],
  ] as const)("%s has each message once on either side", async (_, loop) => {
    const aedes = await Aedes.createBroker();
    aedes.preConnect = ({ conn }, packet, done) => {
      if (loop > 0 && (packet as { bridgeMode?: boolean }).bridgeMode === true) conn.destroy();
      else done(null, true);
    };
    const server = createServer((socket) => void aedes.handle(socket)).listen(0, "127.0.0.1");
    onTestFinished(() => new Promise<void>((resolve) => aedes.close(() => server.close(() => resolve()))));
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const near = await siteOn("near", await keptPort(), cloud(port, [{ filter: "t/#", direction: "both" }]));
    const url = urlOf("TCP", { port, webPort: 0 });
    const far = await MqttJsClient.connected(url, { protocolVersion: 4 });
    await far.client.subscribeAsync("t/#", { qos: 2 });
    await bridged(near, near.clock);
    expect(reportOf(near).protocol).toBe("3.1.1");
    const sent: string[] = [];
    for (const qos of [0, 1, 2] as const) {
      // The same twice is sent back twice.
      for (const payload of [`up ${qos}`, `up ${qos}`]) {
        await near.device.publishWhole("t/a", payload, { qos });
        sent.push(payload);
      }
      await far.client.publishAsync("t/a", `down ${qos}`, { qos });
      sent.push(`down ${qos}`);
    }
    await near.device.publishWhole("t/a", "mark 1", { qos: 1 });
    await far
      .take(sent.length + 1)
      .then((came) => expect(came.map(({ payload }) => payload).sort()).toEqual(["mark 1", ...sent].sort()));
    await far.client.publishAsync("t/a", "mark 2", { qos: 1 });
    await hear(near, "mark 2");
    expect([...near.heard].sort()).toEqual([...sent].sort());
    expect(reportOf(near).drops).toEqual(loop === 0 ? {} : { loop });
    expect((await far.message()).payload).toBe("mark 2");
    expect(far.messages).toEqual([]);
  });
});
