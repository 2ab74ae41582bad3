import { cpus, release, totalmem, type } from "node:os";

/** Where the numbers come from; without it they mean nothing. */
export interface Machine {
  cpu: string;
  cores: number;
  memoryMb: number;
  kernel: string;
  node: string;
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() || "unknown",
    cores: all.length,
    memoryMb: Math.round(totalmem() / 1024 ** 2),
    kernel: `${type()} ${release()}`,
    node: process.version,
  };
}
