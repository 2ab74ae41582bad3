import type { Stamp } from "../payload.ts";

/** In their order, which MQTT 5 promises to keep [MQTT-3.3.2-18]. */
export type UserProperty = readonly [name: string, value: string];

/** What a stream says in its own words. */
export type Wording = {
  flow: string;
  responseTopic?: string;
  userProperties?: readonly UserProperty[];
};

/** What an MQTT 5 device says about each message besides its payload. */
export type MessageProperties = {
  contentType: string;
  responseTopic: string;
  correlationData: Buffer;
  userProperties: readonly UserProperty[];
};

/**
 * The properties of a message, which follow from its stamp, so that whoever receives it knows what they must be. Two
 * user properties have the same name, and another stands between them: a gateway that keeps them by name loses that.
 */
export function messageProperties({ run, sender, topic, sequence }: Stamp, wording: Wording): MessageProperties {
  const { flow, responseTopic = `${topic}/answer`, userProperties = [] } = wording;
  return {
    contentType: `application/x-${flow}`,
    responseTopic,
    // With bytes that are no UTF-8, and zeros.
    correlationData: Buffer.from([0xff, 0, sequence & 0xff, (sequence >> 8) & 0xff]),
    userProperties: [
      ["sequence", String(sequence)],
      ["sender", sender],
      ["sequence", `${sequence} of ${run}`],
      ...userProperties,
    ],
  };
}
