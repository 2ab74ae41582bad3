/** What waits in one mailbox. Bytes are those that count against the limits of mailboxes and store. */
interface InspectedMailbox {
  messages: number;
  bytes: number;
  /** Null where nothing waits. */
  oldestAgeSeconds: number | null;
}

/** One device, and what waits for it. */
export interface InspectedDevice extends InspectedMailbox {
  device: string;
  /** ISO time; null where the device was connected. */
  awaySince: string | null;
  /** How long its session waits for it; null where the device set no limit. */
  expirySeconds: number | null;
  subscriptions: number;
  /** QoS 2 messages from the device whose PUBREL has not come. */
  unfinishedIn: number;
  /** QoS 2 messages to the device that were sent and are not complete. */
  unfinishedOut: number;
}

/** One shared subscription, and what waits for a member of its group. */
export interface InspectedSharedSubscription extends InspectedMailbox {
  /** `$share/<group>/<filter>`. */
  name: string;
}

/** One queue, and what waits in it. */
export interface InspectedQueue extends InspectedMailbox {
  /** `$queue/<name>`. */
  name: string;
  /** It was created while the gateway ran. */
  created: boolean;
  paused: boolean;
}

/** One bridge, and what waits to go up or was sent and not acknowledged. */
export interface InspectedBridge extends InspectedMailbox {
  /** `$bridge/<name>`. */
  name: string;
  /** QoS 2 messages from the upstream whose PUBREL has not come. */
  unfinishedIn: number;
  /** QoS 2 messages to the upstream that were sent and are not complete. */
  unfinishedOut: number;
}

export interface InspectedWill {
  device: string;
  topic: string;
  qos: 0 | 1 | 2;
  retain: boolean;
  payloadBytes: number;
  delaySeconds: number;
  /** ISO time at which it is published; null while the device is connected. */
  dueAt: string | null;
}

export interface InspectedMessage {
  topic: string;
  qos: 1 | 2;
  payloadBytes: number;
  ageSeconds: number | null;
  sent: boolean;
  retain: boolean;
  /** Base64. */
  payload: string;
}

export interface InspectedSegment {
  name: string;
  bytes: number;
  commits: number;
  /** Entries whose latest version is here, and the bytes of their lines. */
  liveEntries: number;
  liveBytes: number;
  tornBytes: number;
  damagedPlaces: number;
}

export interface StoreInspection {
  directory: string;
  totals: {
    devices: number;
    sharedSubscriptions: number;
    queues: number;
    bridges: number;
    /** Those of devices. */
    subscriptions: number;
    /** Each counted once, however many devices wait for it. */
    messages: number;
    bytes: number;
    oldestAgeSeconds: number | null;
    /** Those that have not expired. */
    retained: number;
    retainedBytes: number;
    wills: number;
    deadLetters: number;
    deadLetterBytes: number;
    bytesOnDisk: number;
  };
  /** Those with the most messages first. */
  devices: InspectedDevice[];
  /** Those with the most messages first. */
  sharedSubscriptions: InspectedSharedSubscription[];
  /** Those with the most messages first. */
  queues: InspectedQueue[];
  /** Those with the most messages first. */
  bridges: InspectedBridge[];
  wills: InspectedWill[];
  segments: InspectedSegment[];
}
