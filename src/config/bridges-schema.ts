import { z } from "zod";
import { destinationNamePattern } from "../topic/destination-name.ts";
import { bridgeRule } from "./bridge-rule-schema.ts";
import { checkBridge } from "./check-bridge.ts";
import { byteSize, flag, optionalSecret, requiredList, section, text, wholeNumber } from "./fields.ts";
import { mapByName } from "./map-by-name.ts";
import { readUpstreamUrl } from "./upstream-url.ts";

const urlsMax = 16;
const urlMustBe = "must be a URL of an upstream such as mqtts://upstream.example:8883";

/** One URL or several, always parsed to a list. A URL is not shown in a message: there may be a password in it. */
const urls = z
  .unknown()
  .transform((input, { issues }): readonly string[] => {
    const all: readonly unknown[] = Array.isArray(input) ? input : [input];
    if (Array.isArray(input) && (all.length === 0 || all.length > urlsMax)) {
      issues.push({ code: "custom", input, message: `must have 1 to ${urlsMax} URLs` });
    }
    for (const [index, url] of all.entries()) {
      const path = Array.isArray(input) ? [index] : [];
      const message = urlMistake(url, all.indexOf(url) < index, path.length > 0);
      if (message === undefined) continue;
      const issue = { input, path, message };
      issues.push(
        typeof url === "string" ? { code: "custom", ...issue } : { code: "invalid_type", expected: "string", ...issue },
      );
    }
    return all as readonly string[];
  })
  .meta({
    description:
      "URL of the upstream broker: mqtt, mqtts (TLS), ws or wss (WebSocket), a host, a port (by default 1883, 8883, 80, 443), and with ws and wss a path (by default /mqtt). Or a list of up to 16, which are tried in turn. Required.",
    anyOf: [
      { type: "string" },
      { type: "array", items: { type: "string" }, minItems: 1, maxItems: urlsMax, uniqueItems: true },
    ],
  });

function urlMistake(url: unknown, isGivenTwice: boolean, isInList: boolean): string | undefined {
  if (typeof url !== "string") return isInList ? urlMustBe : `${urlMustBe}, or a list of them`;
  const read = readUpstreamUrl(url);
  if ("mistake" in read) return `is no URL of an upstream: ${read.mistake}`;
  return isGivenTwice ? "is given twice: keep one of the two" : undefined;
}

function tlsText(doc: string) {
  return text({ doc, pattern: /^[^\p{Cc}]{0,4096}$/u, mustBe: "text without control characters", default: "" });
}

const tls = section("TLS, for the schemes mqtts and wss.", {
  ca: tlsText("PEM file of the authorities that the upstream's certificate may be signed by; empty: those of Node.js."),
  cert: tlsText("PEM file of the bridge's own certificate, where the upstream asks for one; it needs tls.key too."),
  key: tlsText("PEM file of the key of tls.cert."),
  serverName: tlsText("Name that the upstream's certificate must be for; empty: the host of the URL."),
  verify: flag({
    doc: "Whether the upstream's certificate must be valid. Without that, whoever is on the way can read and change everything.",
    default: true,
  }),
});

const connection = {
  enabled: flag({
    doc: "Whether the bridge connects. One that does not takes no messages, and keeps those it has.",
    default: true,
  }),
  url: urls,
  clientId: text({
    doc: "Client id at the upstream; empty: waypost-<identity of the gateway>-<name of the bridge>.",
    pattern: /^[^\p{Cc}]{0,256}$/u,
    mustBe: "text of at most 256 characters",
    default: "",
  }),
  username: text({
    doc: "User name at the upstream; empty: none.",
    pattern: /^[^\p{Cc}]{0,4096}$/u,
    mustBe: "text of at most 4096 characters, in quotes where it is a number",
    default: "",
  }),
  password: optionalSecret({
    doc: "Password at the upstream; empty: none.",
    pattern: /^[\s\S]{0,16384}$/,
    mustBe: "text of at most 16384 characters, in quotes where it is a number",
  }),
  tls: tls.prefault({}),
  // YAML reads 5 as a number.
  protocol: z
    .preprocess(
      (version) => (version === 5 ? "5" : version),
      z.enum(["5", "3.1.1"], { error: "must be one of 5, 3.1.1" }).default("5"),
    )
    .meta({
      description:
        "Version of MQTT: 5, which falls back to 3.1.1 where the upstream does not speak it, or 3.1.1 from the start.",
      enum: [5, "5", "3.1.1"],
      default: "5",
    }),
  keepAliveSeconds: wholeNumber({
    doc: "Keep-alive that the upstream is told. An upstream that is silent for longer is taken for lost.",
    unit: "seconds",
    min: 1,
    max: 65_535,
    default: 30,
  }),
  connectSeconds: wholeNumber({
    doc: "Time from the opening of a connection to the upstream's CONNACK.",
    unit: "seconds",
    min: 1,
    max: 3600,
    default: 10,
  }),
  retryMinSeconds: wholeNumber({
    doc: "Time from a lost connection to the next attempt; it doubles with each one that fails.",
    unit: "seconds",
    min: 1,
    max: 86_400,
    default: 1,
  }),
  retryMaxSeconds: wholeNumber({
    doc: "Longest time between two attempts.",
    unit: "seconds",
    min: 1,
    max: 86_400,
    default: 60,
  }),
  sessionExpirySeconds: wholeNumber({
    doc: "How long the upstream keeps the bridge's session, and what it has for it, while the bridge is away; 0: it ends with the connection.",
    unit: "seconds",
    min: 0,
    max: 4_294_967_295,
    default: 604_800,
  }),
};

const flow = {
  inFlightMax: wholeNumber({
    doc: "QoS 1 and 2 messages sent to the upstream and not yet acknowledged; the upstream's receive maximum may be lower.",
    unit: "messages",
    min: 1,
    max: 65_535,
    default: 500,
  }),
  bytesPerSecondMax: byteSize({
    doc: "Ceiling of what is sent in a second; 0 is none.",
    min: 0,
    max: 1024 * 1024 * 1024,
    default: 0,
  }),
  hopsMax: wholeNumber({
    doc: "Bridges that a message may have passed (user property `waypost-hops`); one with more is dropped.",
    unit: "hops",
    min: 1,
    max: 255,
    default: 8,
  }),
};

// Checks with `when` run even if other keys are wrong: all mistakes are reported at once.
const bridgeSettings = section("One bridge.", {
  ...connection,
  ...flow,
  topics: requiredList({
    doc: "What goes up and what comes down: 1 to 1000 rules. In each direction the first rule that matches a topic counts. Required.",
    of: bridgeRule,
    max: 1000,
    what: "rules",
  }),
}).superRefine(checkBridge, { when: () => true });

export const bridgesSection = mapByName({
  doc: "Bridges to upstream brokers, by name. What goes up waits in the bridge's mailbox until the upstream has it. A name has 1 to 64 letters (a to z, A to Z), digits and the characters . _ ~ - and one made by an environment variable is in lower case.",
  of: bridgeSettings,
  max: 100,
  what: "bridge names",
  namePattern: destinationNamePattern,
  advice: "give the bridge a url and topics",
});
