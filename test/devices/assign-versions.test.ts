import { describe, expect, it } from "vitest";
import { assignVersions } from "../../devices/assign-versions.ts";
import { broadcast } from "../../devices/scenario/broadcast.ts";
import { offline } from "../../devices/scenario/offline.ts";
import type { Stage } from "../../devices/scenario/scenario.ts";

const stage: Stage = { root: "devices/a1b2c3", alias: "a1b2c3", label: "a1b2c3", seed: 1, liveMs: 10_000 };
const namesOf = (scenario: typeof broadcast, devices: number) => scenario.cast(devices, stage).map(({ name }) => name);

describe("the versions of MQTT of a fleet", () => {
  it("are one for all, unless they are mixed", () => {
    expect(new Set(assignVersions(["a-1", "a-2"], "5", 1).values())).toEqual(new Set([5]));
    expect(new Set(assignVersions(["a-1", "a-2"], "3.1.1", 1).values())).toEqual(new Set([4]));
  });

  it.each([1, 2, 3, 4, 5])("are half and half in each kind of device when they are mixed, with seed %i", (seed) => {
    for (const [scenario, devices] of [
      [broadcast, 11],
      [broadcast, 200],
      [offline, 4],
      [offline, 20],
    ] as const) {
      const names = namesOf(scenario, devices);
      const versions = assignVersions(names, "mixed", seed);
      const of5 = (kind: string) => names.filter((name) => name.startsWith(kind) && versions.get(name) === 5).length;
      for (const kind of new Set(names.map((name) => name.replace(/-\d+$/, "")))) {
        const members = names.filter((name) => name.replace(/-\d+$/, "") === kind).length;
        expect(Math.abs(members - 2 * of5(kind)), `${kind} of ${devices}`).toBeLessThanOrEqual(1);
      }
      expect(Math.abs(names.length - 2 * of5(""))).toBeLessThanOrEqual(1);
    }
  });

  it("follow from the seed", () => {
    const names = namesOf(broadcast, 200);
    expect(assignVersions(names, "mixed", 7)).toEqual(assignVersions(names, "mixed", 7));
    expect(assignVersions(names, "mixed", 7)).not.toEqual(assignVersions(names, "mixed", 8));
  });
});
