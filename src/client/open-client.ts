import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { WaypostError } from "../waypost-error.ts";
import type { ClientPlan } from "./client-options.ts";
import { type ReasonDetails, reasonWords } from "./reason-words.ts";

/**
 * Connects and waits for the CONNACK. `prepare` gets the client before anything can arrive: the messages of a kept
 * session come in one chunk with the CONNACK. Errors: ERR_UPSTREAM or ERR_CONNECT_REFUSED, in a user's words.
 */
export function openClient(
  { options, place }: ClientPlan,
  extra: IClientOptions,
  prepare: (client: MqttClient) => void = () => {},
): Promise<MqttClient> {
  const client = connect({ ...options, ...extra });
  prepare(client);
  return new Promise((resolve, reject) => {
    let isOpen = false;
    let details: ReasonDetails | undefined;
    client.once("packetreceive", (packet) => {
      if (packet.cmd === "connack" || packet.cmd === "disconnect") details = packet.properties;
    });
    // Stays for the life of the client: an error without a listener would end the process. What fails once the client
    // was accepted ends in `close`, and the caller said by reconnectPeriod what follows.
    client.on("error", (error) => {
      if (!isOpen) fail(connectProblem(error, place, details));
    });
    const onClose = () => fail(new WaypostError("ERR_UPSTREAM", closedText(place)));
    client.once("close", onClose);
    client.once("connect", () => {
      isOpen = true;
      client.off("close", onClose);
      resolve(client);
    });
    const fail = (problem: WaypostError) => {
      client.end(true);
      reject(problem);
    };
  });
}

const disconnectSecondsMax = 2;
/** From here on, reason codes are those of MQTT 5. */
const FAILURE = 0x80;

/** Sends DISCONNECT, with the properties if there are any, and closes; gives up waiting for a peer that does not answer. */
export async function closeClient(client: MqttClient, properties: object = {}): Promise<void> {
  if (!client.connected) {
    client.end(true);
    return;
  }
  await new Promise<void>((resolve) => {
    const timer = setTimeout(() => {
      client.stream.destroy();
      resolve();
    }, disconnectSecondsMax * 1000);
    const packet = Object.keys(properties).length === 0 ? {} : { properties };
    client.end(false, packet, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function closedText(place: string): string {
  return `${place} closed the connection before it accepted the client: is it an MQTT listener, and does it allow this client?`;
}

function connectProblem(
  error: Error & { code?: unknown },
  place: string,
  details: ReasonDetails | undefined,
): WaypostError {
  const { code } = error;
  const options = { cause: error };
  if (typeof code === "number") {
    const said = error.message.replace(/^Connection refused: /, "").toLowerCase();
    const reason = code < FAILURE ? said || `reason code ${code}` : reasonWords(code, details);
    const text = `${place} refused the connection: ${reason}; check -i, -u, -P and -V`;
    return new WaypostError("ERR_CONNECT_REFUSED", text, options);
  }
  return new WaypostError("ERR_UPSTREAM", `cannot reach ${place}: ${reasonOf(code, error.message)}`, options);
}

function reasonOf(code: unknown, message: string): string {
  switch (code) {
    case "ECONNREFUSED":
      return "nothing listens there; start a gateway with `waypost start`, or name another with -h and -p";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "the host name is not known; check -h";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return "no way to this host; check -h and the network";
    case "ECONNRESET":
    case "EPIPE":
      return "the connection was closed; is it an MQTT listener?";
    default:
      return /connack timeout/.test(message)
        ? "no answer to CONNECT within 10 s; is it an MQTT listener?"
        : message || String(code ?? "the connection failed");
  }
}
