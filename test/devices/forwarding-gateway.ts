import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** What the bridge of a forwarding gateway does to each tenth message that goes up; `nothing` is an honest one. */
export type Fault = "nothing" | "loses" | "doubles" | "swaps";

/**
 * Writes a program that stands in for a gateway with a bridge: it takes the same settings and writes the same log, hands
 * bytes on to a broker on `port`, and forwards what the rules of its bridge say, message by message. Without a bridge it
 * stands in for the cloud, and hands them on to `cloudPort`.
 */
export async function forwardingGateway(port: number, fault: Fault, cloudPort = port): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const main = join(directory, "main.mjs");
  await writeFile(main, program(port, fault, cloudPort, import.meta.resolve("mqtt")));
  return main;
}

const program = (port: number, fault: Fault, cloudPort: number, mqtt: string) => `
import { connect, createServer } from "node:net";
import { connect as connectMqtt } from ${JSON.stringify(mqtt)};
const say = (entry) => console.log(JSON.stringify({ level: "info", ...entry }));
const settings = new Map();
for (const word of process.argv) {
  const at = word.indexOf("=");
  if (at > 0) settings.set(word.slice(0, at), word.slice(at + 1));
}
const hasBridge = settings.has("bridges.cloud.url");
const listeners = [["mqtt", "tcp"], ["web", "http"]].map(([name, type]) => new Promise((resolve) => {
  const server = createServer((socket) => {
    const behind = connect(hasBridge ? ${port} : ${cloudPort}, "127.0.0.1");
    for (const [one, other] of [[socket, behind], [behind, socket]]) {
      one.pipe(other);
      one.on("error", () => {});
      one.on("close", () => other.destroy());
    }
  });
  server.listen(Number(settings.get("listeners." + name + ".port")), "127.0.0.1", () => {
    say({ msg: "listening", listener: name, type, host: "127.0.0.1", port: server.address().port });
    resolve();
  });
}));
await Promise.all(listeners);

if (hasBridge) startBridge();
say({ msg: "waypost is ready" });
process.on("SIGTERM", () => process.exit(0));

function startBridge() {
  const session = {
    protocolVersion: 5, clean: false, reconnectPeriod: 100, connectTimeout: 1000, resubscribe: false,
    properties: { sessionExpiryInterval: 600 },
  };
  const local = connectMqtt("mqtt://127.0.0.1:${port}", { ...session, clientId: "bridge-" + process.pid });
  const upstream = connectMqtt(settings.get("bridges.cloud.url"), {
    ...session, clientId: "bridge-" + process.pid, keepalive: Number(settings.get("bridges.cloud.keepAliveSeconds")),
  });
  for (const client of [local, upstream]) client.on("error", () => {});
  const rules = JSON.parse(settings.get("bridges.cloud.topics"));
  const prefixes = (rule) => [rule.localPrefix ?? "", rule.remotePrefix ?? ""];
  let count = 0;
  let held;
  // MQTT.js knows no receive maximum.
  const queue = [];
  let inFlight = 0;
  const fill = () => {
    while (inFlight < 20 && upstream.connected && queue.length > 0) {
      inFlight++;
      upstream.publish(...queue.shift(), () => {
        inFlight--;
        fill();
      });
    }
  };
  upstream.on("connect", fill);
  local.on("message", (localTopic, payload, packet) => {
    const rule = rules.find((each) => localTopic.startsWith(each.localPrefix ?? each.filter.replace(/#$/, "")));
    const [off, on] = prefixes(rule);
    const topic = on + localTopic.slice(off.length);
    const options = { qos: Math.min(packet.qos, rule.qos) };
    const isTenth = topic.endsWith("/reading") && ++count % 10 === 5;
    const fault = isTenth ? ${JSON.stringify(fault)} : "nothing";
    if (held === undefined && fault === "swaps") held = [topic, payload, options];
    else if (fault !== "loses") queue.push([topic, payload, options]);
    if (fault === "doubles") queue.push([topic, payload, options]);
    if (held !== undefined && held[0] === topic && held[1] !== payload) {
      queue.push(held);
      held = undefined;
    }
    fill();
  });
  upstream.on("message", (topic, payload, { qos }) => local.publish(topic, payload, { qos }));
  for (const { filter, direction, ...rule } of rules) {
    const [here, there] = prefixes(rule);
    if (direction !== "down") local.subscribe(here + filter, { qos: 2, nl: true });
    if (direction !== "up") upstream.subscribe(there + filter, { qos: 2, nl: true });
  }
}
`;
