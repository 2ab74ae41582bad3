import { PublishProperties } from "../protocol/publish-properties.ts";
import type { StoredPublish } from "./stored-packets.ts";

/**
 * A copy to keep. The payload is copied too: it is a slice of a chunk of up to 64 kB, which it would keep alive.
 * Optional fields are present only where the original has them; the packet id is not one of them: it belongs to the
 * publisher's side, and the receiver's is given later.
 */
export function storedPublish(packet: StoredPublish, payload: Buffer = ownPayload(packet)): StoredPublish {
  const copy: StoredPublish = {
    cmd: "publish",
    brokerId: packet.brokerId,
    brokerCounter: packet.brokerCounter,
    topic: packet.topic,
    payload,
    qos: packet.qos,
    retain: packet.retain ?? false,
    dup: packet.dup ?? false,
  };
  if (packet.qos > 0) copy.messageId = undefined;
  if (packet.clientId !== undefined) copy.clientId = packet.clientId;
  if (packet.properties !== undefined) copy.properties = ownProperties(packet);
  return copy;
}

/** Properties that keep no chunk alive. @throws ERR_PROTOCOL_VIOLATION where someone who embeds the broker gave unfit ones */
export function ownProperties({ properties }: StoredPublish): PublishProperties | undefined {
  const own = PublishProperties.of(properties);
  own?.keep();
  return own;
}

/** A copy of the payload. Those who embed the broker may publish text, which needs none. */
export function ownPayload({ payload }: StoredPublish): Buffer {
  return Buffer.isBuffer(payload) ? Buffer.from(payload) : payload;
}
