import type { GatewayConfig } from "../config/schema.ts";
import { type DeviceSettings, defaultDeviceSettings } from "./device-settings.ts";

/** The limits of devices as the configuration sets them. */
export function settingsOfConfig({ sessions, mailboxes, store, retained, limits }: GatewayConfig): DeviceSettings {
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
    connectSeconds: limits.connectSeconds,
    packetBytesMax: limits.packetBytesMax,
    topicBytesMax: limits.topicBytesMax,
    topicLevelsMax: limits.topicLevelsMax,
    clientIdBytesMax: limits.clientIdBytesMax,
    mqtt31ClientIdMax: defaultDeviceSettings.mqtt31ClientIdMax,
    keepAliveSecondsMax: limits.keepAliveSecondsMax,
    sendBufferBytesMax: limits.sendBufferBytesMax,
  };
}
