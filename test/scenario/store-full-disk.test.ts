import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { messagesSoFar } from "../support/messages-so-far.ts";
import { RawClient } from "../support/raw-client.ts";
import { startGateway } from "../support/start-gateway.ts";

/** A file system of one megabyte; null where it cannot be had. */
function smallDisk(): string | null {
  if (process.getuid?.() !== 0 || process.platform !== "linux") return null;
  const directory = mkdtempSync(join(tmpdir(), "waypost-test-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "waypost-test", directory]).status === 0;
  onTestFinished(() => {
    if (mounted) spawnSync("umount", [directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  return mounted ? directory : null;
}

it("serves QoS 0 on a full disk, acknowledges when there is room again, and says each once", async ({ skip }) => {
  const disk = smallDisk();
  if (disk === null) return skip("it takes root to mount a small disk");
  const { port, log } = await startGateway({ store: { engine: "nedb", directory: join(disk, "data") } });
  const away = await RawClient.connected(port, { clientId: "away", clean: false });
  await away.subscribe({ "t/#": 1 });
  await away.disconnect();
  const ballast = join(disk, "ballast");
  writeFileSync(ballast, Buffer.alloc(600_000));
  const publisher = await RawClient.connected(port, { clientId: "publisher" });
  const bystander = await RawClient.connected(port, { clientId: "bystander" });
  await bystander.subscribe({ "b/#": 0 });

  const payload = "x".repeat(5000);
  for (let messageId = 1; messageId <= 100; messageId++) publisher.publish("t/n", payload, { qos: 1, messageId });
  const failures = () => log.complaints.map(({ text }) => text);
  while (failures().length === 0) await bystander.ping();
  const acknowledged = () => publisher.packets.filter(({ cmd }) => cmd === "puback").length;
  expect(acknowledged()).toBeLessThan(100);

  const other = await RawClient.connected(port, { clientId: "other" });
  other.publish("b/1", "goes on", { qos: 0 });
  expect((await bystander.message()).payload).toBe("goes on");
  expect(failures()).toEqual([expect.stringMatching(/cannot be written: ENOSPC.*make room on the disk/)]);

  const before = acknowledged();
  rmSync(ballast);
  for (let messageId = 1; messageId <= 100; messageId++) {
    const puback = await publisher.next("puback");
    expect(puback.messageId).toBe(messageId); // [MQTT-4.6.0-2]
  }
  expect(before).toBeLessThan(100);
  await other.ping();
  const lines = log.lines.filter(({ text }) => text.includes("can be written again"));
  expect(lines).toHaveLength(1);
  expect(failures()).toHaveLength(1);
  const back = await RawClient.connected(port, { clientId: "away", clean: false });
  expect(await messagesSoFar(back)).toHaveLength(100);
  expect(readdirSync(join(disk, "data")).filter((name) => name.endsWith(".db")).length).toBeLessThan(10);
});
