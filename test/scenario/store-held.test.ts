import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { payloadsSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const root = temporaryDirectory();
const settings = (directory: string) => ({
  store: { engine: "nedb", directory: join(root, directory) },
  mailboxes: { messagesMax: 1, whenFull: "flow-control" },
});

async function subscriber(port: number, clientId: string, filter: string): Promise<void> {
  const client = await RawClient.connected(port, { clientId, clean: false });
  await client.subscribe({ [filter]: 2 });
  await client.disconnect();
}

it("has a QoS 2 message for a mailbox that was full when the gateway was killed, or does not know it yet", async () => {
  const before = await startGateway(settings("before"));
  await subscriber(before.port, "full", "t/#");
  await subscriber(before.port, "roomy", "t/2");
  const publisher = await RawClient.connected(before.port, { clientId: "publisher", clean: false });
  publisher.publish("t/1", "first", { qos: 2, messageId: 1 });
  await publisher.next("pubrec");
  publisher.publish("t/2", "held", { qos: 2, messageId: 2 });
  const bystander = await RawClient.connected(before.port, { clientId: "bystander", clean: false });
  await bystander.subscribe({ x: 1 }); // its SUBACK comes after a commit, which holds the receipt too

  const found = { recursive: true, filter: (path: string) => !path.endsWith(".sock") };
  cpSync(join(root, "before"), join(root, "after"), found);
  const after = await startGateway(settings("after"));
  const again = await RawClient.connected(after.port, { clientId: "publisher", clean: false });
  again.publish("t/2", "held", { qos: 2, messageId: 2, dup: true });
  const full = await RawClient.connected(after.port, { clientId: "full", clean: false });
  const first = await full.message();
  full.send({ cmd: "pubrec", messageId: first.messageId as number });
  await full.next("pubrel");
  full.send({ cmd: "pubcomp", messageId: first.messageId as number });
  await again.next("pubrec");
  await again.ping();
  expect(await payloadsSoFar(full)).toEqual(["held"]);
});
