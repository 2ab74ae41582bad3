import type { Packet } from "mqtt";

/** From here on a reason code says that something failed (MQTT 5, 2.4). */
const failure = 0x80;
export const sessionTakenOver = 0x8e;
export const serverShuttingDown = 0x8b;
export const packetIdentifierNotFound = 0x92;

const names: Readonly<Record<number, string>> = {
  128: "unspecified error",
  129: "malformed packet",
  130: "protocol error",
  131: "implementation specific error",
  135: "not authorized",
  137: "server busy",
  139: "server shutting down",
  141: "keep-alive timeout",
  142: "session taken over",
  143: "topic filter invalid",
  144: "topic name invalid",
  145: "packet identifier in use",
  146: "packet identifier not found",
  147: "receive maximum exceeded",
  148: "topic alias invalid",
  149: "packet too large",
  150: "message rate too high",
  151: "quota exceeded",
  152: "administrative action",
  153: "payload format invalid",
  154: "retain not supported",
  155: "QoS not supported",
  156: "use another server",
  157: "server moved",
  158: "shared subscriptions not supported",
  159: "connection rate exceeded",
  160: "maximum connect time",
  161: "subscription identifiers not supported",
  162: "wildcard subscriptions not supported",
};

/** `0x97 quota exceeded` */
export function reasonText(code: number): string {
  const hex = `0x${code.toString(16).padStart(2, "0").toUpperCase()}`;
  return names[code] === undefined ? hex : `${hex} ${names[code]}`;
}

/** The failures that an acknowledgement or a DISCONNECT of MQTT 5 says. */
export function failuresOf(packet: Packet): number[] {
  switch (packet.cmd) {
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
    case "disconnect":
      return (packet.reasonCode ?? 0) >= failure ? [packet.reasonCode!] : [];
    case "suback":
    case "unsuback":
      return ((packet.granted ?? []) as number[]).filter((code) => code >= failure);
    default:
      return [];
  }
}
