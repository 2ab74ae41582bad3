import { WaypostError } from "../waypost-error.ts";

/** Return codes of CONNACK before MQTT 5. */
const returnCodes: Readonly<Record<number, string>> = {
  1: "it does not speak this version of MQTT",
  2: "it does not take the client id",
  3: "it is not available",
  4: "user name or password is wrong",
  5: "not authorized",
};

/** Reason codes of CONNACK, DISCONNECT and SUBACK in MQTT 5, with what to do where that helps. */
const reasonCodes: Readonly<Record<number, string>> = {
  0: "without a reason",
  128: "unspecified error",
  129: "it takes a packet for malformed",
  130: "it takes a packet for a protocol error",
  131: "its own reasons",
  132: "it does not speak this version of MQTT",
  133: "it does not take the client id",
  134: "user name or password is wrong",
  135: "not authorized",
  136: "it is not available",
  137: "it is busy",
  138: "banned",
  139: "it is shutting down",
  140: "it does not take this authentication method",
  141: "keep alive timeout",
  142: "another client has connected with the same client id: give each bridge a clientId of its own",
  143: "it takes no such topic filter",
  144: "it does not take a topic name",
  147: "more was in flight than it takes",
  148: "a topic alias that it does not take",
  149: "a packet was too large for it",
  150: "too many messages",
  151: "over its quota",
  152: "by an administrator",
  153: "a payload is not what it is said to be",
  154: "it keeps no retained messages",
  155: "it does not serve that QoS",
  156: "use another server",
  157: "the server has moved",
  158: "it serves no shared subscriptions",
  159: "too many connections in a short time",
  160: "the connection was open for as long as it may be",
  161: "it serves no subscription identifiers",
  162: "it serves no wildcards",
};

/** What the code says, and the text and server that came with it. */
export function refusalText(
  code: number,
  properties?: { readonly reasonString?: string; readonly serverReference?: string },
  version: 4 | 5 = 5,
): string {
  const known = version === 4 ? returnCodes[code] : reasonCodes[code];
  const parts = [`${known ?? "a code that means nothing"} (0x${code.toString(16).padStart(2, "0")})`];
  const { reasonString, serverReference } = properties ?? {};
  if (reasonString) parts.push(`it says ${JSON.stringify(reasonString.slice(0, 200))}`);
  if (serverReference)
    parts.push(`it names ${JSON.stringify(serverReference.slice(0, 200))}: set the url of the bridge to that`);
  else if (code === 0x9c || code === 0x9d) parts.push("it does not say which");
  return parts.join("; ");
}

const ownCertificate = "it does not take the client certificate in tls.cert";

/** What can be done about errors of the network and of TLS, by their codes. */
const advice: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nobody listens there",
  ENOTFOUND: "the name of the host is not known",
  EAI_AGAIN: "the name of the host cannot be looked up at the moment",
  EHOSTUNREACH: "there is no way to the host",
  ENETUNREACH: "there is no way to the network",
  ETIMEDOUT: "the host does not answer",
  ECONNRESET: "it cut the connection off",
  EPIPE: "it cut the connection off",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed: name it, or the authority that signed it, in tls.ca",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an authority that is not known here: name that in tls.ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "its certificate is signed by an authority that is not known here: name that in tls.ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "its certificate is signed by an authority that is not known here: name that in tls.ca",
  CERT_HAS_EXPIRED: "its certificate has expired, or the clock of this machine is wrong",
  CERT_NOT_YET_VALID: "its certificate is not valid yet, or the clock of this machine is wrong",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name: set tls.serverName, or correct the url",
  ERR_SSL_WRONG_VERSION_NUMBER: "it speaks no TLS on that port: use mqtt or ws in the url, or another port",
  HOSTNAME_MISMATCH: "its certificate is for another name: set tls.serverName, or correct the url",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it wants a client certificate: set tls.cert and tls.key",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: `${ownCertificate}: it does not know the authority that signed it`,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: ownCertificate,
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: `${ownCertificate}: it has expired`,
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE:
    "it refuses the TLS handshake: it may want a client certificate, or other ciphers",
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "it does not speak this version of TLS",
};

/** The error as it is told to people who run the gateway. */
export function streamTrouble(error: WaypostError | null, url: string): WaypostError | null {
  if (error?.code === "ERR_PACKET_TOO_LARGE") {
    const what = "raise limits.packetBytesMax, or it is sent again and again";
    return new WaypostError(error.code, `the upstream sent ${error.message}: ${what}`, { cause: error });
  }
  if (error?.code !== "ERR_STREAM" && error?.code !== "ERR_UPSTREAM") return error;
  const cause = error.cause as { code?: unknown; errors?: { code?: string }[] } | undefined;
  const code = typeof cause?.code === "string" ? cause.code : cause?.errors?.[0]?.code;
  const isPlain = code === "EPROTO" && /wrong version number/i.test(error.message);
  const known = advice[isPlain ? "ERR_SSL_WRONG_VERSION_NUMBER" : (code ?? "")];
  if (known !== undefined) return new WaypostError("ERR_UPSTREAM", `${known} (${code}, ${url})`, { cause: error });
  const isPlainEnd = error.code === "ERR_STREAM" && cause === undefined;
  const why = isPlainEnd ? "the upstream closed the connection" : error.message.replace(/\p{Cc}+/gu, " ").trim();
  return new WaypostError("ERR_UPSTREAM", why, { cause: error });
}
