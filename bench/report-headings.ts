import type { Lane } from "./lane.ts";

/** The line above each table. */
export const headings: Record<Lane["kind"], string> = {
  throughput: "Deliveries per second: 64 bytes, 1000 messages in flight. relay is the ceiling of the load generator.",
  mqtt5:
    "MQTT 5 beside the same load in 3.1.1, which the broker carried right before or after it; ratios: of each round, their\n" +
    "median. At QoS 1 each publisher keeps to the broker's receive maximum, in 5 only: where that is less than the 1000 in\n" +
    "flight, less was in flight. The relay's ratio is what 5 costs the load generator.",
  single: "One message in flight, 64 bytes",
  stall:
    "One subscriber of # never reads: 20 pairs, 10,000 messages/s of 1 kB; latencies of the others in us.\n" +
    "Mosquitto leaves TCP_NODELAY off by default: at this pace its latencies are those of delayed acknowledgements.",
  memory: "Memory at rest; per connection: the slope from 1,000 to 5,000 idle connections, and all 5,000 from none",
  crowd: "All connect, subscribe to a topic of their own and get one message each, QoS 1",
  away:
    "QoS 1 to persistent sessions that are away, acknowledged; latency: publish to PUBACK. They return and count (lost).\n" +
    "Waypost acknowledges what is synced to the disk; Mosquitto (persistence true) syncs nothing per message: it writes\n" +
    "its database when it ends and every half hour. fdatasync: 4 KiB appended and synced on this disk, one by one.\n" +
    "bytes: written for the whole life of a message, by the store's count per message stored, and by the kernel's.",
  session:
    "Persistent sessions, all online: QoS 1, 64 bytes, 1000 messages in flight; the same load on clean ones before it",
  "away-memory":
    "100,000 messages of 200 bytes wait for one device; SIGKILL; restart: from the start of the process to CONNACK.\n" +
    "Mosquitto has written nothing by then: what it lost is the price of not syncing.",
  "away-stall":
    "100,000 messages of 200 bytes come and go: latencies of a pair of its own (QoS 0, one message each 2 ms, ahead of the\n" +
    "others in line for the processor) in peace, and while they fill, drain and are cleaned up.\n" +
    "Mosquitto leaves TCP_NODELAY off by default: it may wait 40 ms for an acknowledgement of TCP.\n" +
    "The target counts the worst of all rounds, not their median.",
  queue:
    "Each message to one of 10 consumers, from 10 producers: QoS 1, 64 bytes, 1000 messages in flight, consumers present.\n" +
    "Mosquitto has no queues: beside Waypost's $queue stands its $share, which keeps nothing for consumers that are away,\n" +
    "and Waypost's own. memory, synced: the durability of the queue. relay is the ceiling of the load generator.",
  "queue-waiting":
    "100,000 jobs of 64 bytes wait in a queue (store on disk): from the SUBSCRIBE of a new consumer, connected, to its first\n" +
    "PUBLISH; 5 tries. Then 10 consumers fetch all of them and count (lost).",
  "queue-stall":
    "A queue with 9 consumers, 5,000 messages/s: latencies in us, publish to receipt, with a tenth that never reads and\n" +
    "without it, in slices of 0.3 s in turn on one broker, each after 500 messages at once that fill all windows; of each\n" +
    "slice, their median.\n" +
    "held: what the tenth was given, and went to the others (as DUP) once it was gone; not among the latencies.",
  "bridge-drain":
    "100,000 messages of 200 bytes (QoS 1) wait for an upstream that was away and is back, a Mosquitto without persistence;\n" +
    "drained/s: from the first to the last at its subscriber. Meanwhile 20 live messages/s (QoS 1) take the same way, under\n" +
    "live-first: latency, publisher at the edge to subscriber at the upstream; of so few, p99 is nearly the worst. Mosquitto's\n" +
    "bridge has max_queued_messages 0, restart_timeout 1 and one line for all. in flight: what the upstream takes at once (20\n" +
    "is Mosquitto's default), and what Mosquitto's bridge sends. first: until the first message has come.\n" +
    "Waypost keeps what waits on disk, synced; Mosquitto in memory.",
  "bridge-live":
    "10 publishers at the edge (QoS 1, 200 bytes, 1000 messages on their way), one subscriber at the upstream, nothing waited.\n" +
    "Waypost's acknowledgement is after the sync, Mosquitto keeps everything in memory. CPU: of the edge's process, for each message that has arrived.",
};
