import type { Command } from "commander";

const packets = { pub: "connect, publish, will or disconnect", sub: "connect, subscribe, will or disconnect" };

/** The options of `pub` and `sub`, with mosquitto's letters. `-h` is the host there, help is `--help` only. */
export function addClientOptions(command: Command, role: "pub" | "sub"): Command {
  command
    .option("-h, --host <host>", "host of the gateway (default: localhost)")
    .option("-p, --port <port>", "port of the gateway (default: 1883)")
    .option("-L, --url <url>", "address in one: mqtt://, mqtts://, ws:// or wss://, with user:password@ if needed")
    .option("-i, --id <id>", "client id (default: a random one)")
    .option("-u, --username <user>", "user name")
    .option("-P, --pw <password>", "password")
    .option("-V, --protocol-version <version>", "MQTT version: 3.1, 3.1.1 or 5 (default: 3.1.1)")
    .option("-k, --keepalive <seconds>", "keep-alive (default: 60)")
    .option("-q, --qos <qos>", "quality of service: 0, 1 or 2 (default: 0)")
    .option(
      "-D, --property <words...>",
      `MQTT 5 property: -D PACKET NAME VALUE or -D PACKET user-property NAME VALUE, repeatable; PACKET is ${packets[role]}`,
    )
    .option(
      "-x, --session-expiry-interval <seconds>",
      "MQTT 5: how long the session stays, -1 for ever (default: 0, with -c -1)",
    );
  if (role === "pub") addPubOptions(command);
  else addSubOptions(command);
  return command
    .option("--will-topic <topic>", "topic of the will")
    .option("--will-payload <text>", "payload of the will (default: empty)")
    .option("--will-qos <qos>", "QoS of the will (default: 0)")
    .option("--will-retain", "retain the will");
}

function addPubOptions(command: Command): void {
  command
    .option("-t, --topic <topic>", "topic to publish to")
    .option("-m, --message <text>", "publish this text")
    .option("-n, --null-message", "publish an empty message (with -r: clear the retained one)")
    .option("-f, --file <file>", "publish the contents of a file")
    .option("-s, --stdin-file", "publish all of standard input as one message")
    .option("-l, --stdin-line", "publish each line of standard input as a message")
    .option("-r, --retain", "retain the message")
    .option("-v, --verbose", "MQTT 5: say when nobody has subscribed to the topic");
}

function addSubOptions(command: Command): void {
  command
    .option("-t, --topic <filter>", "topic filter to subscribe to; repeatable", collectFilter)
    .option("-v, --verbose", "print the topic before each payload")
    .option("--properties", "MQTT 5: print the properties of a message below its payload, one a line")
    .option("-C, --count <messages>", "end after this many messages")
    .option("-W, --timeout <seconds>", "end after this time with exit code 27")
    .option("-c, --disable-clean-session", "keep the session while away; needs -i");
}

function collectFilter(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
