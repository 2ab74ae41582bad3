import type { IClientPublishOptions } from "mqtt";
import type { Stamp } from "../payload.ts";
import { messageProperties, type Wording } from "./message-properties.ts";

type Properties = NonNullable<IClientPublishOptions["properties"]>;

/** A message's properties as MQTT.js takes them. */
export function publishProperties(stamp: Stamp, wording: Wording, expirySeconds: number | undefined): Properties {
  const { userProperties, ...rest } = messageProperties(stamp, wording);
  return {
    ...rest,
    ...(expirySeconds === undefined ? {} : { messageExpiryInterval: expirySeconds }),
    // The type knows only one object, in which each name has one place. A list is written in its order.
    userProperties: userProperties.map(([name, value]) => ({ [name]: value })) as unknown as NonNullable<
      Properties["userProperties"]
    >,
  };
}
