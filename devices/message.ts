/** What a device has got, and where it may answer. */
export type Message = {
  topic: string;
  body: Buffer;
  payload: Buffer;
  /** Where an answer goes, and what it says besides, if the message asks for one. */
  reply: { topic: string; correlationData?: Buffer } | undefined;
};

const requestPattern = /^\$request\/([^/]+)\/(.+)$/s;

/**
 * A message that came to a subscription below `$request/+/` says by its topic where 3.1.1 answers it; elsewhere MQTT 5
 * says it by properties.
 */
export function readRequest(topic: string): { topic: string; answerTopic: string | undefined } {
  const [, id, rest] = requestPattern.exec(topic) ?? [];
  return rest === undefined ? { topic, answerTopic: undefined } : { topic: rest, answerTopic: `$answer/${id}` };
}
