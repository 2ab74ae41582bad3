import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/**
 * Writes a program that stands in for a gateway that loses nothing when it is killed: it takes the same settings and
 * writes the same log, but only hands the bytes on to a broker on `port` that lives on. Gives the program's path.
 */
export async function undyingGateway(port: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const main = join(directory, "main.mjs");
  await writeFile(main, program(port));
  return main;
}

const program = (port: number) => `
import { connect, createServer } from "node:net";
const say = (entry) => console.log(JSON.stringify({ level: "info", ...entry }));
const settings = new Map(process.argv.filter((word) => word.includes("=")).map((word) => word.split("=")));
const listeners = [["mqtt", "tcp"], ["web", "http"]].map(([name, type]) => new Promise((resolve) => {
  const server = createServer((socket) => {
    const behind = connect(${port}, "127.0.0.1");
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
say({ msg: "waypost is ready" });
process.on("SIGTERM", () => process.exit(0));
`;
