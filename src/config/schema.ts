import { z } from "zod";
import { authenticationSection } from "./authentication-schema.ts";
import { bridgesSection } from "./bridges-schema.ts";
import { checkListenerHosts, checkListenerPorts } from "./check-listeners.ts";
import { controlSection } from "./control-schema.ts";
import { deadLettersSection } from "./dead-letters-schema.ts";
import { byteSize, choice, flag, section, text, wholeNumber } from "./fields.ts";
import { groupsSection } from "./groups-schema.ts";
import { durabilities, mailboxesSection } from "./mailbox-schema.ts";
import { protocolSection } from "./protocol-schema.ts";
import { queuesSection } from "./queues-schema.ts";

const mebibyte = 1024 * 1024;
const gibibyte = 1024 * mebibyte;

const listenerKeys = {
  enabled: flag({ doc: "Whether the gateway opens this listener.", default: true }),
  host: text({
    doc: "Address to listen on. 127.0.0.1 is this machine only, 0.0.0.0 every IPv4 network, :: every network.",
    pattern: /^[A-Za-z0-9]([A-Za-z0-9._:%-]*[A-Za-z0-9])?$|^[A-Fa-f0-9:.%]+$/,
    mustBe: "an IP address or a host name",
    default: "127.0.0.1",
  }),
  connectionsMax: wholeNumber({
    doc: "Open connections at once; further ones are closed.",
    unit: "connections",
    min: 1,
    max: 1_000_000,
    default: 10_000,
  }),
  allowAnonymous: flag({
    doc: "Let clients in that give no credentials, although there are authentication.users. Where there are none, it is needed for every host that is not loopback, because then whoever reaches the listener may publish and read everything.",
    default: false,
  }),
};

function port(defaultPort: number) {
  return wholeNumber({
    doc: "TCP port; 0 takes any free port.",
    min: 0,
    max: 65535,
    default: defaultPort,
  });
}

const tcpListener = section("Accepts MQTT over TCP.", {
  type: z.literal("tcp").meta({ description: "What the listener speaks: tcp is MQTT over TCP." }),
  port: port(1883),
  ...listenerKeys,
});

const httpListener = section("Accepts HTTP, and MQTT over WebSocket on one path.", {
  type: z.literal("http").meta({ description: "What the listener speaks: http is HTTP and MQTT over WebSocket." }),
  port: port(8083),
  mqttPath: text({
    doc: "Path on which MQTT over WebSocket is served.",
    pattern: /^\/[A-Za-z0-9._~/-]*$/,
    mustBe: 'a path that starts with "/"',
    default: "/mqtt",
  }),
  origins: text({
    doc: "Web origins whose pages may connect, separated by spaces, such as https://panel.example; * is every one. Pages of this machine and of the gateway's own address may anyhow, and so may programs that are no browsers.",
    pattern: /^(\*|((https?:\/\/[^\s/]+|null)( (https?:\/\/[^\s/]+|null))*)?)$/,
    mustBe: 'web origins such as "https://panel.example", separated by spaces, or "*"',
    default: "",
  }),
  ...listenerKeys,
});

// Checks with `when` run even if other keys are wrong: all mistakes are reported at once.
const always = { when: () => true };

const listener = z.discriminatedUnion("type", [tcpListener, httpListener], {
  error: "must be a map of keys and values",
});

/** The listeners that exist without being configured. Entries of a configuration are merged over them by name. */
export const defaultListeners = {
  mqtt: { type: "tcp", port: 1883 },
  web: { type: "http", port: 8083 },
} as const;

const sections = z.strictObject(
  {
    gateway: section("The gateway itself.", {
      name: text({
        doc: "Name of this gateway in its log, when it is ready.",
        pattern: /^[^\p{Cc}]{1,64}$/u,
        mustBe: "text of 1 to 64 characters",
        default: "waypost",
      }),
    }).prefault({}),
    listeners: z
      .record(z.string(), listener, { error: "must be a map of listener names" })
      .superRefine(checkListenerPorts, always)
      .prefault(defaultListeners)
      .meta({
        description:
          "Where clients connect, by name. mqtt (tcp) and web (http) exist by default; other names need a type.",
      }),
    authentication: authenticationSection.prefault({}),
    store: section("What survives a restart.", {
      engine: choice({
        doc: "Where sessions, retained and waiting messages are kept: nedb in files of store.directory, memory nowhere; with memory they are lost when the gateway stops.",
        words: ["nedb", "memory"],
        default: "nedb",
      }),
      directory: text({
        doc: "Folder of the store's files, relative to the working directory of the gateway; it is made where it is missing. The engine memory does not use it.",
        pattern: /^[^\p{Cc}]{1,4096}$/u,
        mustBe: "the path of a folder",
        default: "./data",
      }),
      durability: choice({
        doc: "What a PUBACK or PUBREC means, for every receiver that must get the message later. synced: it is on the disk, and survives a power cut. written: it was handed to the operating system, and survives the end of the gateway but no power cut. memory: it is in memory, and survives neither. The engine memory knows only memory.",
        words: durabilities,
        default: "synced",
      }),
      messagesMax: wholeNumber({
        doc: "Messages that wait in all mailboxes together; one that waits in several is counted once.",
        unit: "messages",
        min: 1,
        max: 100_000_000,
        default: 1_000_000,
      }),
      bytesMax: byteSize({
        doc: "Bytes that wait in all mailboxes together; a message that waits in several is counted once.",
        min: 1,
        max: 1024 * gibibyte,
        default: gibibyte,
      }),
    }).prefault({}),
    retained: section("Retained messages. One on a topic beyond these limits is delivered, but not kept.", {
      messagesMax: wholeNumber({
        doc: "Topics that have a retained message; 0 keeps none.",
        unit: "messages",
        min: 0,
        max: 10_000_000,
        default: 100_000,
      }),
      bytesMax: byteSize({
        doc: "Bytes of all retained messages together.",
        min: 0,
        max: 1024 * gibibyte,
        default: 64 * mebibyte,
      }),
    }).prefault({}),
    sessions: section("MQTT sessions.", {
      expirySecondsMax: wholeNumber({
        doc: "How long the session of a device that is away is kept.",
        unit: "seconds",
        min: 0,
        max: 4_294_967_295,
        default: 604_800,
      }),
      inFlightMax: wholeNumber({
        doc: "QoS 1 and 2 messages sent to one device and not yet acknowledged; the rest wait in its mailbox.",
        unit: "messages",
        min: 1,
        max: 65_535,
        default: 100,
      }),
      inboundInFlightMax: wholeNumber({
        doc: "Messages from one device that are not acknowledged: in MQTT 5 its receive maximum, for QoS 1 and 2; before, QoS 2 messages whose handshake is unfinished. Beyond it the connection is closed.",
        unit: "messages",
        min: 1,
        max: 65_535,
        default: 1000,
      }),
      countMax: wholeNumber({
        doc: "Persistent sessions at once, connected or away; a device with a new one is refused beyond that.",
        unit: "sessions",
        min: 1,
        max: 10_000_000,
        default: 10_000,
      }),
    }).prefault({}),
    mailboxes: mailboxesSection.prefault({}),
    queues: queuesSection,
    groups: groupsSection,
    bridges: bridgesSection,
    deadLetters: deadLettersSection.prefault({}),
    control: controlSection.prefault({}),
    limits: section("Limits on what a client may do.", {
      connectSeconds: wholeNumber({
        doc: "Time from the opening of a connection to its CONNECT packet.",
        unit: "seconds",
        min: 1,
        max: 3600,
        default: 10,
      }),
      packetBytesMax: byteSize({
        doc: "Size of one MQTT packet. Packets other than PUBLISH end at 512KiB all the same.",
        min: 128,
        max: 256 * mebibyte - 1,
        default: 4 * mebibyte,
      }),
      propertiesBytesMax: byteSize({
        doc: "Properties of one MQTT 5 message, as its publisher gives them: user properties, correlation data and so on. A message with more is refused.",
        min: 128,
        max: 256 * mebibyte - 1,
        default: 64 * 1024,
      }),
      topicLevelsMax: wholeNumber({
        doc: "Levels of one topic or topic filter.",
        unit: "levels",
        min: 1,
        max: 100,
        default: 100,
      }),
      topicBytesMax: wholeNumber({
        doc: "Length of one topic or topic filter.",
        unit: "bytes",
        min: 1,
        max: 65_535,
        default: 4096,
      }),
      clientIdBytesMax: wholeNumber({
        doc: "Length of a client id. MQTT asks for at least 23.",
        unit: "bytes",
        min: 23,
        max: 65_535,
        default: 256,
      }),
      keepAliveSecondsMax: wholeNumber({
        doc: "Longest keep-alive that a client may ask for; 0 is no limit.",
        unit: "seconds",
        min: 0,
        max: 65_535,
        default: 0,
      }),
      sendBufferBytesMax: byteSize({
        doc: "Bytes written to a connection that its client has not read yet; beyond that, messages wait in the mailbox.",
        min: 1024,
        max: gibibyte,
        default: mebibyte,
      }),
      subscriptionsPerDeviceMax: wholeNumber({
        doc: "Subscriptions of one device.",
        unit: "subscriptions",
        min: 1,
        max: 1_000_000,
        default: 1000,
      }),
      sharedSubscriptionsPerDeviceMax: wholeNumber({
        doc: "Shared subscriptions of one device, each of which has a mailbox for its group.",
        unit: "subscriptions",
        min: 1,
        max: 1_000_000,
        default: 20,
      }),
    }).prefault({}),
    protocol: protocolSection.prefault({}),
    log: section("The log, on standard output.", {
      level: choice({
        doc: "The least important lines that are written.",
        words: ["trace", "debug", "info", "warn", "error", "silent"],
        default: "info",
      }),
      format: choice({
        doc: "pretty for people, json (one object a line) for machines, auto picks pretty on a terminal.",
        words: ["auto", "pretty", "json"],
        default: "auto",
      }),
    }).prefault({}),
  },
  {
    error: (issue) =>
      issue.code === "invalid_type" ? "must be a map of sections such as listeners, limits and log" : undefined,
  },
);

/** The one description of the configuration: key, type, unit, default and meaning. Everything else is derived from it. */
export const configSchema = sections.superRefine(checkListenerHosts, always);

/** A complete, validated configuration: sizes in bytes, durations in the unit of their name. */
export type GatewayConfig = z.output<typeof configSchema>;
