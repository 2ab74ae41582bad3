import { PublishProperties } from "./publish-properties.ts";

/** User property of a CONNECT, with the identity of the gateway: its client is a bridge. */
export const BRIDGE_PROPERTY = "waypost-bridge";

// These stand before all other properties, of which only the first hundred are looked at.
const ORIGIN = "waypost-origin";
const HOPS = "waypost-hops";

/** Which gateway a message came from first, and over how many bridges it has come; user properties of MQTT 5. */
export class Provenance {
  /** Of this gateway. */
  readonly identity: string;
  readonly #ofOwn: Buffer;

  constructor(identity: string) {
    this.identity = identity;
    this.#ofOwn = ledBy(undefined, identity, 1);
  }

  /** Bridges that the message has passed. */
  static hopsOf(properties: PublishProperties | undefined): number {
    const hops = properties?.userProperty(HOPS);
    if (hops === undefined) return 0;
    return /^\d{1,6}$/.test(hops) ? Number(hops) : Number.POSITIVE_INFINITY;
  }

  /** Whether the message was here before. */
  isReturned(properties: PublishProperties | undefined): boolean {
    return properties?.userProperty(ORIGIN) === this.identity;
  }

  /**
   * Without the origin that a client names that is no bridge: it is but copied from a message that it got. The hops stay,
   * since there are bridges that do not say so: a message does not go round for ever.
   */
  static ofClient(properties: PublishProperties): PublishProperties {
    return properties.userProperty(ORIGIN) === undefined ? properties : properties.withoutUserProperty(ORIGIN);
  }

  /** What a message says of itself, in wire form, once it has passed one bridge more. */
  passedOn(properties: PublishProperties | undefined): Buffer {
    if (properties === undefined || properties.bytes.length === 0) return this.#ofOwn;
    return ledBy(properties, properties.userProperty(ORIGIN) ?? this.identity, Provenance.hopsOf(properties) + 1);
  }
}

function ledBy(properties: PublishProperties | undefined, origin: string, hops: number): Buffer {
  return PublishProperties.ledBy(properties, { [ORIGIN]: origin, [HOPS]: String(hops) });
}
