import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Tests wait for events, never for time; this only ends the ones that hang, also on a slow gateway.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The default leaves one core to vitest itself, which is half of a machine with two; most tests wait most of the time.
    maxWorkers: "100%",
  },
});
