import { execFileSync } from "node:child_process";

/** Whether bench/load.c can be compiled here. */
export function compilerInstalled(): boolean {
  try {
    execFileSync("cc", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
