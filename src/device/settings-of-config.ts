import type { GatewayConfig } from "../config/schema.ts";
import type { QoS } from "../protocol/packet-type.ts";
import { type DeviceSettings, defaultDeviceSettings } from "./device-settings.ts";

/** The limits of devices as the configuration sets them. */
export function settingsOfConfig(config: GatewayConfig): DeviceSettings {
  const { sessions, mailboxes, store, retained, limits, protocol } = config;
  const { classes, ...ofEachMailbox } = mailboxes;
  return {
    mailboxes: ofEachMailbox,
    classes,
    store: { messagesMax: store.messagesMax, bytesMax: store.bytesMax },
    retained: { ...retained },
    inFlightMax: sessions.inFlightMax,
    inboundInFlightMax: sessions.inboundInFlightMax,
    sessionsMax: sessions.countMax,
    sessionExpirySeconds: sessions.expirySecondsMax,
    subscriptionsPerDeviceMax: limits.subscriptionsPerDeviceMax,
    sharedSubscriptionsPerDeviceMax: limits.sharedSubscriptionsPerDeviceMax,
    connectSeconds: limits.connectSeconds,
    packetBytesMax: limits.packetBytesMax,
    propertiesBytesMax: limits.propertiesBytesMax,
    topicBytesMax: limits.topicBytesMax,
    topicLevelsMax: limits.topicLevelsMax,
    clientIdBytesMax: limits.clientIdBytesMax,
    mqtt31ClientIdMax: defaultDeviceSettings.mqtt31ClientIdMax,
    keepAliveSecondsMax: limits.keepAliveSecondsMax,
    sendBufferBytesMax: limits.sendBufferBytesMax,
    qosMax: protocol.qosMax as QoS,
    retainAvailable: retained.messagesMax > 0,
    wildcardSubscriptions: protocol.wildcardSubscriptions,
    sharedSubscriptions: protocol.sharedSubscriptions,
    subscriptionIdentifiers: protocol.subscriptionIdentifiers,
    topicAliasesMax: protocol.topicAliasesMax,
    payloadFormatChecked: protocol.payloadFormatChecked,
  };
}
