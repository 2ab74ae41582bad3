import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { ControlSocket } from "../../src/admin/control-socket.ts";
import { runCommandLine } from "../../src/command/run-command-line.ts";
import { silentLog } from "../../src/log.ts";
import { FakeAdministration } from "../admin/fake-administration.ts";
import { capturedContext } from "./captured-context.ts";

/** A control socket below `root` with an administration made for the test behind it, and the command line that asks it. */
export async function gatewayToAsk(root: string) {
  const directory = await mkdtemp(join(root, "g-"));
  const path = join(directory, "control.sock");
  const administration = new FakeAdministration();
  const control = new ControlSocket({ path, administration, log: silentLog });
  await control.start();
  onTestFinished(() => control.stop());
  const ask = (args: string[], input: Buffer[] = []) => waypost([...args, "--socket", path], input);
  return { administration, control, directory, path, ask };
}

export async function waypost(args: string[], input: Buffer[] = []) {
  const { context, stdout, stderr } = capturedContext(input);
  const code = await runCommandLine(args, context);
  return { code, out: stdout.text, err: stderr.text };
}
