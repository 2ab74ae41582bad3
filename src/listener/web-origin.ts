import { isIP } from "node:net";
import { isLoopback } from "../config/loopback.ts";

/**
 * Whether a page of this web origin may open a WebSocket. Browsers let any page try, with whatever the browser can
 * reach, and leave it to the server to look at `Origin`. Welcome are programs that are no browsers (they send none),
 * pages of this machine, pages of the gateway's own host, and those that the configuration names.
 */
export function isWelcome(origin: string | undefined, host: string | undefined, named: string): boolean {
  if (origin === undefined || named === "*") return true;
  if (named.split(" ").includes(origin)) return true;
  const name = hostNameOf(origin);
  if (name === undefined) return false;
  return isLoopback(name) || (name === hostNameOf(`http://${host}`) && cannotBeRebound(name));
}

/** A name of the public DNS may be made to point at this gateway by whoever owns it: that the host is the same proves nothing. */
function cannotBeRebound(name: string): boolean {
  return isIP(name) > 0 || name.endsWith(".local") || !name.includes(".");
}

function hostNameOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname } = new URL(url);
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}
