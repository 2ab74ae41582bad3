import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { onTestFinished } from "vitest";

/** Bundles the gateway as the build does, but where no other test looks. Gives the path of its main program. */
export async function bundleGateway(): Promise<string> {
  const outdir = await mkdtemp(join(tmpdir(), "waypost-test-"));
  onTestFinished(() => rm(outdir, { recursive: true, force: true }));
  await build({
    entryPoints: { main: "src/main.ts" },
    outdir,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
    logLevel: "warning",
    banner: {
      js: "import { createRequire as waypostCreateRequire } from 'node:module'; const require = waypostCreateRequire(import.meta.url);",
    },
    external: ["bufferutil", "utf-8-validate"],
  });
  return join(outdir, "main.mjs");
}
