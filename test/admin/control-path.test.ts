import { describe, expect, it } from "vitest";
import { controlPath } from "../../src/admin/control-path.ts";

const nedb = { engine: "nedb", directory: "./data" };
const memory = { engine: "memory", directory: "./data" };

describe("the place of the control socket", () => {
  it.each([
    [{ control: { enabled: true, path: "" }, store: nedb }, "data/control.sock"],
    [
      { control: { enabled: true, path: "" }, store: { ...nedb, directory: "/var/lib/waypost" } },
      "/var/lib/waypost/control.sock",
    ],
    [{ control: { enabled: true, path: "" }, store: memory }, null],
    [{ control: { enabled: true, path: "/run/waypost.sock" }, store: memory }, "/run/waypost.sock"],
    [{ control: { enabled: true, path: "here.sock" }, store: nedb }, "here.sock"],
    [{ control: { enabled: false, path: "/run/waypost.sock" }, store: nedb }, null],
  ])("of %j is %j", (config, path) => {
    expect(controlPath(config)).toBe(path);
  });
});
