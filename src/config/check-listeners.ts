import type { z } from "zod";
import { isLoopback } from "./loopback.ts";

type Context = Pick<z.core.$RefinementCtx, "addIssue">;

/** While everybody may connect, a listener that other machines can reach needs a word from its owner. */
export function checkListenerHosts(config: unknown, context: Context): void {
  const { listeners, authentication } = partOf(config);
  if (Object.keys(partOf(partOf(authentication).users)).length > 0) return;
  for (const [name, value] of Object.entries(partOf(listeners))) {
    const { host, allowAnonymous, enabled } = partOf(value);
    if (enabled === false || allowAnonymous === true || typeof host !== "string" || isLoopback(host)) continue;
    context.addIssue({
      code: "custom",
      path: ["listeners", name, "host"],
      message:
        `is ${host}, which other machines can reach, and without users anyone there could publish and read everything. ` +
        "Name users under authentication.users (`waypost passwd` prints their entries), or listen on 127.0.0.1, " +
        "or set allowAnonymous: true on this listener if you accept that",
    });
  }
}

/** Two listeners cannot share a port of the same address. */
export function checkListenerPorts(listeners: unknown, context: Context): void {
  const seen: { name: string; host: string; port: number }[] = [];
  for (const [name, value] of Object.entries(partOf(listeners))) {
    const { host, port, enabled } = partOf(value);
    if (enabled === false || typeof host !== "string" || typeof port !== "number" || port === 0) continue;
    const taken = seen.find((other) => other.port === port && overlap(other.host, host));
    if (taken !== undefined) {
      context.addIssue({
        code: "custom",
        path: [name, "port"],
        message: `is ${port}, which listener ${taken.name} uses on ${taken.host} already: choose another port, or switch one off with enabled: false`,
      });
    }
    seen.push({ name, host, port });
  }
}

function overlap(left: string, right: string): boolean {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()];
  return a === b || coversAllOf(a, b) || coversAllOf(b, a);
}

/** `::` takes IPv4 too, `0.0.0.0` does not take IPv6. */
function coversAllOf(host: string, other: string): boolean {
  return host === "::" || (host === "0.0.0.0" && !other.includes(":"));
}

function partOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
