// Bundles the gateway (dist/main.js, dist/index.js), the simulated devices (dist/devices/main.js) and the benchmark
// (dist/bench/main.js). One bundle, so that an installed gateway runs the dependency versions that were tested
// (published packages ignore `overrides`), and so that it starts quickly from an SD card.
//
//   node build.js                  everything
//   node build.js devices|bench    that part only
import { rm } from "node:fs/promises";
import { build } from "esbuild";

const parts = {
  gateway: { main: "src/main.ts", index: "src/index.ts" },
  devices: { "devices/main": "devices/main.ts" },
  bench: { "bench/main": "bench/main.ts" },
};
const wanted = process.argv[2];
if (wanted !== undefined && !(wanted in parts)) {
  console.error(`build.js: no part named ${wanted}; parts are ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}
if (wanted === undefined) await rm("dist", { recursive: true, force: true });

for (const [name, entryPoints] of Object.entries(parts)) {
  if (wanted !== undefined && wanted !== name) continue;
  await build({
    entryPoints,
    outdir: "dist",
    bundle: true,
    splitting: name === "gateway",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: true,
    legalComments: "linked",
    logLevel: "warning",
    // Bundled CommonJS packages call require() for Node's own modules.
    banner: {
      js: "import { createRequire as waypostCreateRequire } from 'node:module'; const require = waypostCreateRequire(import.meta.url);",
    },
    // Optional native accelerators of ws: used when present, never needed.
    external: ["bufferutil", "utf-8-validate"],
  });
}
