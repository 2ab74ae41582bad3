import type { ConnectPacket } from "../protocol/read-connect.ts";
import { InboundAliases, OutboundAliases } from "../protocol/topic-aliases.ts";
import { replyPrefixOf } from "../topic/reply-topic.ts";
import type { Connection } from "./connection.ts";
import type { DeviceSettings } from "./device-settings.ts";
import { type Terms, termsBefore5 } from "./terms.ts";

/** What an MQTT 5 client and this gateway agree on. */
export function termsOf({ protocolVersion, properties }: ConnectPacket, settings: DeviceSettings): Terms {
  if (protocolVersion < 5) return termsBefore5;
  const aliases = Math.min(properties?.topicAliasMaximum ?? 0, settings.topicAliasesMax);
  return {
    receiveMaximum: properties?.receiveMaximum ?? termsBefore5.receiveMaximum,
    inboundInFlightMax: Math.min(settings.inboundInFlightMax || 65_535, 65_535),
    packetBytesMax: properties?.maximumPacketSize ?? termsBefore5.packetBytesMax,
    inboundAliases: new InboundAliases(settings.topicAliasesMax),
    outboundAliases: aliases > 0 ? new OutboundAliases(aliases) : null,
    problemInformation: properties?.requestProblemInformation !== false,
  };
}

/** The properties of a CONNACK that accepts this CONNECT (MQTT 5, 3.2.2.3): what differs from what the client may assume. */
export function connackProperties(connection: Connection, packet: ConnectPacket, settings: DeviceSettings): object {
  if (packet.protocolVersion < 5) return {};
  const properties: Record<string, unknown> = {};
  if (packet.clientId === "") properties.assignedClientIdentifier = connection.id; // [MQTT-3.2.2-16]
  const { sessionExpirySeconds, keepAliveSeconds } = connection;
  if (sessionExpirySeconds !== (packet.properties?.sessionExpiryInterval ?? 0)) {
    properties.sessionExpiryInterval = sessionExpirySeconds; // 3.2.2.3.2
  }
  if (keepAliveSeconds !== packet.keepalive) properties.serverKeepAlive = keepAliveSeconds; // [MQTT-3.2.2-21]
  if (connection.terms.inboundInFlightMax < 65_535) properties.receiveMaximum = connection.terms.inboundInFlightMax;
  properties.maximumPacketSize = settings.packetBytesMax;
  if (settings.topicAliasesMax > 0) properties.topicAliasMaximum = settings.topicAliasesMax;
  if (settings.qosMax < 2) properties.maximumQoS = settings.qosMax; // [MQTT-3.2.2-9]
  if (!settings.retainAvailable) properties.retainAvailable = false;
  if (!settings.wildcardSubscriptions) properties.wildcardSubscriptionAvailable = false;
  if (!settings.subscriptionIdentifiers) properties.subscriptionIdentifiersAvailable = false;
  if (!settings.sharedSubscriptions) properties.sharedSubscriptionAvailable = false;
  if (packet.properties?.requestResponseInformation) properties.responseInformation = replyPrefixOf(connection.id); // [MQTT-3.1.2-28]
  return properties;
}
