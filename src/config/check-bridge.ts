import type { z } from "zod";
import { readUpstreamUrl } from "./upstream-url.ts";

type Context = Pick<z.core.$RefinementCtx, "addIssue">;

/** What is wrong between the keys of one bridge. Any of them may be wrong itself, and is left out then. */
export function checkBridge(bridge: unknown, context: Context): void {
  const settings = partOf(bridge);
  checkCredentials(settings, context);
  checkTls(settings, context);
  const { retryMinSeconds: min, retryMaxSeconds: max } = settings;
  if (typeof min === "number" && typeof max === "number" && min > max) {
    const message = `is ${min}, more than retryMaxSeconds (${max}): make it at most that`;
    context.addIssue({ code: "custom", path: ["retryMinSeconds"], message });
  }
}

function checkCredentials({ username, password }: Record<string, unknown>, context: Context): void {
  if (username !== "" || typeof password !== "string" || password === "") return;
  // [MQTT-3.1.2-22]
  const message = "is given without username: give the user name that it is for";
  context.addIssue({ code: "custom", path: ["password"], message });
}

function checkTls({ url, tls }: Record<string, unknown>, context: Context): void {
  const { ca, cert, key, serverName, verify } = partOf(tls);
  if (isGiven(cert) && key === "") add("cert", "is given without tls.key: name the file of its key");
  if (isGiven(key) && cert === "") add("key", "is given without tls.cert: name the file of its certificate");
  const urls = Array.isArray(url)
    ? url.map((each) => (typeof each === "string" ? readUpstreamUrl(each) : undefined))
    : [];
  const isPlain = urls.length > 0 && urls.every((each) => each !== undefined && "host" in each && !each.isEncrypted);
  if (isPlain && ([ca, cert, key, serverName].some(isGiven) || verify === false)) {
    context.addIssue({
      code: "custom",
      path: ["tls"],
      message: "is for the schemes mqtts and wss, and no URL has one of them: change the URL, or remove tls",
    });
  }

  function add(name: string, message: string): void {
    context.addIssue({ code: "custom", path: ["tls", name], message });
  }
}

function isGiven(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}

function partOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
