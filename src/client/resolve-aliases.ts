import type { MqttClient } from "mqtt";

/**
 * Puts the topic where a topic alias stands for it. MQTT.js knows it too, but tells it neither to `handleMessage` nor
 * with a QoS 2 message.
 */
export function resolveAliases(client: MqttClient): void {
  const topics = new Map<number, string>();
  client.on("packetreceive", (packet) => {
    if (packet.cmd === "connack") topics.clear(); // [MQTT-3.3.2-7]
    if (packet.cmd !== "publish") return;
    const alias = packet.properties?.topicAlias;
    if (alias === undefined) return;
    if (packet.topic === "") packet.topic = topics.get(alias) ?? "";
    else topics.set(alias, packet.topic);
  });
}
