const portOf = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 } as const;
/** What other programs call them. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ["tcp", "mqtt"],
  ["ssl", "mqtts"],
  ["tls", "mqtts"],
  ["http", "ws"],
  ["https", "wss"],
]);
const defaultPath = "/mqtt";

export interface UpstreamUrl {
  readonly scheme: keyof typeof portOf;
  /** An IPv6 address stands without its brackets. */
  readonly host: string;
  readonly port: number;
  /** With its query; of `ws` and `wss` only, otherwise empty. */
  readonly path: string;
  readonly isEncrypted: boolean;
}

/** What a URL of an upstream broker says, defaults filled in; or, to follow "is no URL of an upstream: ", what is wrong with it. */
export function readUpstreamUrl(text: string): UpstreamUrl | { readonly mistake: string } {
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return { mistake: "it has no scheme, write one such as mqtts://upstream.example:8883" };
  if (!isKnown(scheme)) return { mistake: `${schemeAdvice(scheme)}use mqtt, mqtts, ws or wss` };
  const [authority = ""] = text.slice(scheme.length + 3).split(/[/?#]/, 1);
  if (authority.includes("@")) return { mistake: "it has credentials in it, use username and password of the bridge" };
  if (authority === "" || authority.startsWith(":")) return { mistake: "it has no host" };
  if (/[\s\p{Cc}]/u.test(text)) return { mistake: "it has a space or control character in it" };
  // A scheme that the standard does not know takes any text for a host.
  const alike = `http${text.slice(scheme.length)}`;
  if (!URL.canParse(alike)) return { mistake: "its host or port is not valid, a port is 1 to 65535" };
  const url = new URL(alike);
  const port = portIn(authority) ?? portOf[scheme];
  if (port === 0) return { mistake: "its port is 0, a port is 1 to 65535" };
  if (url.hash !== "" || text.endsWith("#")) return { mistake: "it has a fragment (#…), leave it out" };
  const path = url.pathname + url.search;
  const isWebSocket = scheme === "ws" || scheme === "wss";
  if (!isWebSocket && path !== "/") {
    return { mistake: "it has a path, which only ws and wss have, leave it out" };
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const ownPath = path === "/" && !text.endsWith("/") ? defaultPath : path;
  return {
    scheme,
    host,
    port,
    path: isWebSocket ? ownPath : "",
    isEncrypted: scheme === "mqtts" || scheme === "wss",
  };
}

function isKnown(scheme: string): scheme is keyof typeof portOf {
  return Object.hasOwn(portOf, scheme);
}

function schemeAdvice(scheme: string): string {
  const meant = otherNames.get(scheme);
  return `its scheme ${scheme} is ${meant === undefined ? "not known" : `called ${meant} here`}, `;
}

function portIn(authority: string): number | undefined {
  const port = /:(\d+)$/.exec(authority)?.[1];
  return port === undefined ? undefined : Number(port);
}
