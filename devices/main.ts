#!/usr/bin/env node
// The simulated devices' command line, bundled to dist/devices/main.js beside the gateway's dist/main.js.
import { fileURLToPath } from "node:url";
import { runDevices } from "./run-devices.ts";

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) process.exit(130);
    interruption.abort();
  });
}

process.exit(
  await runDevices(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    error: (text) => process.stderr.write(text),
    progressStream: process.stderr,
    gatewayMain: fileURLToPath(new URL("../main.js", import.meta.url)),
    signal: interruption.signal,
  }),
);
