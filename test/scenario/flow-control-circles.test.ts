import { describe, expect, it } from "vitest";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

const COUNT = 50;

/** Acknowledges whatever comes until the connection is closed. Resolves when all that this client has published is answered. */
function answered(client: RawClient, answer: "puback" | "pubcomp"): Promise<void> {
  return new Promise((resolve) => {
    let answers = 0;
    const run = async () => {
      for (;;) {
        const packet = await client.next();
        const messageId = packet.messageId as number;
        if (packet.cmd === answer && ++answers === COUNT) resolve();
        if (packet.cmd === "pubrec") client.send({ cmd: "pubrel", messageId });
        if (packet.cmd === "pubrel") client.send({ cmd: "pubcomp", messageId });
        if (packet.cmd === "publish") client.send({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId });
      }
    };
    run().catch(() => {});
  });
}

/** Devices that each subscribe to one topic and publish to another; each has room for one message, and one in flight. */
async function circle(topics: readonly { from: string; to: string }[], qos: 1 | 2): Promise<RawClient[]> {
  const { port } = await startGateway({
    mailboxes: { messagesMax: 1, whenFull: "flow-control" },
    sessions: { inFlightMax: 1 },
  });
  const clients: RawClient[] = [];
  for (const { from } of topics) {
    const client = await RawClient.connected(port, { clientId: `reads ${from}`, clean: false });
    await client.subscribe({ [from]: qos });
    clients.push(client);
  }
  for (const [index, { to }] of topics.entries()) {
    for (let messageId = 1; messageId <= COUNT; messageId++)
      clients[index]?.publish(to, `${messageId}`, { qos, messageId });
  }
  return clients;
}

describe.each([
  { qos: 1, answer: "puback" },
  { qos: 2, answer: "pubcomp" },
] as const)("flow control at QoS $qos never locks up", ({ qos, answer }) => {
  it.each([
    ["a device that publishes to itself", [{ from: "a", to: "a" }]],
    [
      "two devices that publish to each other",
      [
        { from: "a", to: "b" },
        { from: "b", to: "a" },
      ],
    ],
    [
      "three devices that publish in a circle",
      [
        { from: "a", to: "b" },
        { from: "b", to: "c" },
        { from: "c", to: "a" },
      ],
    ],
  ])("%s", async (_name, topics) => {
    const clients = await circle(topics, qos);
    await Promise.all(clients.map((client) => answered(client, answer)));
    expect(clients.map(({ isClosed }) => isClosed)).toEqual(topics.map(() => false));
  });
});
