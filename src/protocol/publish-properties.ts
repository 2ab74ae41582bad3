import { isDeepStrictEqual } from "node:util";
import {
  checkWholeNumber,
  encodePublishProperties,
  type PublishPropertiesJson,
  type PublishPropertiesObject,
} from "./encode-publish-properties.ts";
import { addUserProperty, type UserProperties } from "./properties.ts";
import { endOf, find, propertyId, walk } from "./publish-property-wire.ts";

const EMPTY = Buffer.alloc(0);
const LOOKED_AT_MAX = 100;

/**
 * What a message says of itself beside topic and payload. It goes from publisher to subscriber in the very bytes in which
 * it came, user properties in their order [MQTT-3.3.2-4] [MQTT-3.3.2-15] [MQTT-3.3.2-16] [MQTT-3.3.2-17] [MQTT-3.3.2-18]
 * [MQTT-3.3.2-20]; only the expiry is counted down. What concerns one connection, as topic aliases do, is not here.
 */
export class PublishProperties {
  /** Everything that is forwarded as it is, in wire form. */
  bytes: Buffer;
  /** In seconds, as published. */
  readonly messageExpiryInterval?: number;
  /** When the message expires, in milliseconds since the Unix epoch; 0 while nobody has said since when it counts. */
  expiresAt = 0;
  /** Of the one subscription that the message is for, where there is such; 0 for one that has no identifier. */
  readonly subscriptionIdentifier?: number;

  constructor(bytes: Buffer, messageExpiryInterval?: number, subscriptionIdentifier?: number) {
    this.bytes = bytes;
    if (messageExpiryInterval !== undefined) this.messageExpiryInterval = messageExpiryInterval;
    if (subscriptionIdentifier !== undefined) this.subscriptionIdentifier = subscriptionIdentifier;
  }

  /** Those of someone who embeds the broker, of a will, of a hook; undefined where they say nothing. @throws ERR_PROTOCOL_VIOLATION */
  static of(value: object | undefined): PublishProperties | undefined {
    if (value === undefined || value === null || value instanceof PublishProperties) return value ?? undefined;
    const { messageExpiryInterval, subscriptionIdentifier, ...forwarded } = value as PublishPropertiesObject;
    checkWholeNumber("messageExpiryInterval", messageExpiryInterval, 0, 0xffff_ffff);
    checkWholeNumber("subscriptionIdentifier", subscriptionIdentifier, 1, 268_435_455);
    const bytes = encodePublishProperties(forwarded);
    if (bytes.length === 0 && messageExpiryInterval === undefined && subscriptionIdentifier === undefined)
      return undefined;
    return new PublishProperties(bytes, messageExpiryInterval, subscriptionIdentifier);
  }

  /** What a hook left of `shown`, the object that it was shown for `came`: the very same, where it changed nothing. */
  static afterHook(came: PublishProperties | undefined, shown: object | undefined): PublishProperties | undefined {
    if (came === undefined || !isDeepStrictEqual(shown, came.toObject())) return PublishProperties.of(shown);
    return came;
  }

  /** What `toJSON` made. @throws ERR_PROTOCOL_VIOLATION */
  static ofJson({ correlationData, expiresAt, ...rest }: PublishPropertiesJson): PublishProperties | undefined {
    const { subscriptionIdentifier, ...others } = rest;
    const object: Record<string, unknown> = subscriptionIdentifier === 0 ? others : rest;
    if (correlationData !== undefined) object.correlationData = Buffer.from(correlationData, "base64");
    const read = PublishProperties.of(object);
    const properties = subscriptionIdentifier === 0 ? PublishProperties.calledUp(read, undefined) : read;
    if (properties !== undefined && expiresAt !== undefined) properties.expiresAt = expiresAt;
    return properties;
  }

  /** Says since when the time to live counts: once, when the message comes. */
  startAt(now: number): void {
    if (this.messageExpiryInterval === undefined || this.expiresAt > 0) return;
    this.expiresAt = now + this.messageExpiryInterval * 1000;
  }

  isExpired(now: number): boolean {
    return this.expiresAt > 0 && now >= this.expiresAt;
  }

  /** Seconds left [MQTT-3.3.2-6]; undefined for a message that does not expire. */
  expiryAt(now: number): number | undefined {
    if (this.messageExpiryInterval === undefined || this.expiresAt === 0) return this.messageExpiryInterval;
    const left = Math.ceil((this.expiresAt - now) / 1000);
    return Math.min(Math.max(left, 0), this.messageExpiryInterval);
  }

  /** To be called when the message outlives the turn: the bytes are a slice of the chunk that it came in. */
  keep(): void {
    if (this.bytes.length > 0 && this.bytes.buffer.byteLength > 2 * this.bytes.length + 64) {
      const own = Buffer.allocUnsafeSlow(this.bytes.length);
      this.bytes.copy(own);
      this.bytes = own;
    }
  }

  /** The same, maybe none, as they go to one subscription and no other, with its identifier. */
  static calledUp(properties: object | undefined, identifier: number | undefined): PublishProperties {
    const original = PublishProperties.of(properties);
    const copy = new PublishProperties(original?.bytes ?? EMPTY, original?.messageExpiryInterval, identifier ?? 0);
    copy.expiresAt = original?.expiresAt ?? 0;
    return copy;
  }

  /** The same for a message that does not expire. */
  withoutExpiry(): PublishProperties {
    return new PublishProperties(this.bytes, undefined, this.subscriptionIdentifier);
  }

  get payloadFormatIndicator(): boolean | undefined {
    const value = find(this.bytes, propertyId.payloadFormat);
    return value && value[0] === 1;
  }

  get contentType(): string | undefined {
    return find(this.bytes, propertyId.contentType)?.toString();
  }

  get responseTopic(): string | undefined {
    return find(this.bytes, propertyId.responseTopic)?.toString();
  }

  get correlationData(): Buffer | undefined {
    return find(this.bytes, propertyId.correlationData);
  }

  /** The value of the first user property of this name, among the first hundred properties: a message may have thousands. */
  userProperty(name: string): string | undefined {
    const { bytes } = this;
    if (bytes.length === 0 || !bytes.includes(name)) return undefined;
    const wanted = Buffer.from(name);
    for (let at = 0, count = 0; at < bytes.length && count < LOOKED_AT_MAX; count++) {
      const end = endOf(bytes, bytes[at] as number, at + 1, bytes.length);
      const nameEnd = at + 3 + (bytes[at] === propertyId.user ? bytes.readUInt16BE(at + 1) : 0);
      if (bytes[at] === propertyId.user && wanted.equals(bytes.subarray(at + 3, nameEnd))) {
        return bytes.toString("utf8", nameEnd + 2, end);
      }
      at = end;
    }
    return undefined;
  }

  /** The same, maybe none, with this user property at their end, and no other of its name. */
  static withUserProperty(original: PublishProperties | undefined, name: string, value: string): PublishProperties {
    const added = encodePublishProperties({ userProperties: { [name]: value } });
    const bytes = original === undefined ? added : Buffer.concat([withoutUserProperty(original.bytes, name), added]);
    const properties = new PublishProperties(bytes, original?.messageExpiryInterval, original?.subscriptionIdentifier);
    properties.expiresAt = original?.expiresAt ?? 0;
    return properties;
  }

  /** The same without the user properties of this name. */
  withoutUserProperty(name: string): PublishProperties {
    const bytes = withoutUserProperty(this.bytes, name);
    const properties = new PublishProperties(bytes, this.messageExpiryInterval, this.subscriptionIdentifier);
    properties.expiresAt = this.expiresAt;
    return properties;
  }

  /** The same in wire form, maybe none, with these user properties before all others, and no others of their names. */
  static ledBy(original: PublishProperties | undefined, added: Readonly<Record<string, string>>): Buffer {
    const leading = encodePublishProperties({ userProperties: { ...added } });
    if (original === undefined) return leading;
    return Buffer.concat([leading, Object.keys(added).reduce(withoutUserProperty, original.bytes)]);
  }

  get userProperties(): UserProperties | undefined {
    const list = this.userPropertyList();
    if (list.length === 0) return undefined;
    const all = Object.create(null) as UserProperties;
    for (const [name, value] of list) addUserProperty(all, name, value);
    return all;
  }

  /** User properties in their order. */
  userPropertyList(): [name: string, value: string][] {
    const list: [string, string][] = [];
    walk(this.bytes, (property, value) => {
      if (property !== propertyId.user) return;
      const nameEnd = 2 + value.readUInt16BE(0);
      list.push([value.toString("utf8", 2, nameEnd), value.toString("utf8", nameEnd + 2)]);
    });
    return list;
  }

  /** A copy that whoever gets it may change. */
  toObject(): PublishPropertiesObject {
    const { messageExpiryInterval, subscriptionIdentifier } = this;
    const object: PublishPropertiesObject = {};
    if (messageExpiryInterval !== undefined) object.messageExpiryInterval = messageExpiryInterval;
    if (subscriptionIdentifier) object.subscriptionIdentifier = subscriptionIdentifier;
    walk(this.bytes, (property, value) => {
      if (property === propertyId.payloadFormat) object.payloadFormatIndicator = value[0] === 1;
      else if (property === propertyId.contentType) object.contentType = value.toString();
      else if (property === propertyId.responseTopic) object.responseTopic = value.toString();
      else if (property === propertyId.correlationData) object.correlationData = Buffer.from(value);
    });
    const { userProperties } = this;
    if (userProperties !== undefined) object.userProperties = userProperties;
    return object;
  }

  /** What files have; `ofJson` reads it. */
  toJSON(): PublishPropertiesJson {
    const { correlationData, userProperties, ...object } = this.toObject();
    const json: PublishPropertiesJson = object;
    if (correlationData !== undefined) json.correlationData = correlationData.toString("base64");
    if (userProperties !== undefined) json.userProperties = this.userPropertyList();
    if (this.expiresAt > 0) json.expiresAt = this.expiresAt;
    if (this.subscriptionIdentifier === 0) json.subscriptionIdentifier = 0;
    return json;
  }
}

function withoutUserProperty(bytes: Buffer, name: string): Buffer {
  if (!bytes.includes(name)) return bytes;
  const kept: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = endOf(bytes, bytes[at] as number, at + 1, bytes.length);
    const isOfName =
      bytes[at] === propertyId.user && bytes.toString("utf8", at + 3, at + 3 + bytes.readUInt16BE(at + 1)) === name;
    if (!isOfName) kept.push(bytes.subarray(at, end));
    at = end;
  }
  return Buffer.concat(kept);
}
