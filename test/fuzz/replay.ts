import { FuzzedGateway } from "./fuzzed-gateway.ts";
import { play } from "./play.ts";
import type { Script } from "./script.ts";
import { sweep } from "./sweep.ts";

/** Plays all the scripts at once against a gateway of their own; says what was wrong. */
export async function replay(main: string, store: "memory" | "nedb", scripts: readonly Script[]): Promise<string[]> {
  const faults: string[] = [];
  const gateway = await FuzzedGateway.start(main, store, (why) => faults.push(why));
  const played = await Promise.all(scripts.map((script) => play(script, gateway.port)));
  faults.push(...played.flatMap((each) => each.faults.map((fault) => `the gateway ${fault}`)));
  if (faults.length === 0) faults.push(...(await sweep(gateway.port)));
  if ((await gateway.memory()) === null) faults.push("the gateway does not answer");
  const how = await gateway.stop();
  return how === undefined ? faults : [...faults, how];
}

/** Of scripts that together found something wrong, the one that does so alone; all of them if none does. */
export async function narrow(main: string, store: "memory" | "nedb", scripts: readonly Script[]): Promise<Script[]> {
  const faults: string[] = [];
  const start = () => FuzzedGateway.start(main, store, (why) => faults.push(why));
  let gateway = await start();
  for (const script of scripts) {
    const played = await play(script, gateway.port);
    if ((await gateway.memory()) === null) faults.push("the gateway does not answer");
    if (faults.length === 0 && played.faults.length === 0) continue;
    faults.length = 0;
    await gateway.stop();
    if ((await replay(main, store, [script])).length > 0) return [script];
    gateway = await start();
  }
  await gateway.stop();
  return [...scripts];
}

/** The same trouble with fewer steps, as far as that is found by leaving out one after another. */
export async function shorten(main: string, store: "memory" | "nedb", script: Script): Promise<Script> {
  const gateway = await FuzzedGateway.start(main, store, () => {});
  const fails = async (candidate: Script) => (await play(candidate, gateway.port)).faults.length > 0;
  let shortest = script;
  for (let i = script.steps.length - 1; i > 0; i--) {
    const candidate = { ...shortest, steps: shortest.steps.filter((_, index) => index !== i) };
    if (await fails(candidate)) shortest = candidate;
  }
  await gateway.stop();
  return shortest;
}
