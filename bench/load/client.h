// The client's side of MQTT 3.1.1 and 5: what it sends, what it answers, and what the deliveries say about loss and
// order.
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H
#include "arrivals.h"
#include "histogram.h"
#include "packets.h"
#include "slices.h"

// What was sent and what came of it. A subscriber's `settled` follows the highest sequence of each publisher: what a
// broker skipped (a full queue) is settled by the next message that arrives, so losses do not shrink the window. With
// workers no arrival tells what another worker missed: there only a write-off gives the window back.
static struct {
    long sent, acked, received, out_of_order, write_offs, forgiven, held;
} total;
static struct taken {
    uint8_t *bits; // one for each sequence of a publisher that a worker got
    uint32_t bytes;
} *taken;
static int fan = 1;             // deliveries that one message must cause
static int sessions_present;    // how many who came back found their session
static bool measuring;
static long unpaced;            // queue-stall: messages beside those of the steady rate

// The first key again after the last: every key has as many messages as any other, and one publisher where --keys is a
// multiple of what all publishers send in one round.
static void write_key(uint8_t *digits) {
    long key = total.sent % options.keys;
    for (int i = KEY_DIGITS - 1; i >= 0; i--, key /= 10) digits[i] = '0' + key % 10;
}

static void send_publish(struct connection *c) {
    uint8_t *stamp = c->frame + c->stamp_at;
    uint64_t now = now_ns();
    uint32_t sequence = ++c->sent;
    memcpy(stamp, &now, 8);
    memcpy(stamp + 12, &sequence, 4);
    if (options.qos > 0) {
        if (++c->packet_id == 0) c->packet_id = 1;
        c->frame[c->id_at] = c->packet_id >> 8;
        c->frame[c->id_at + 1] = c->packet_id & 255;
        c->unacknowledged++;
        if (c->sent_at) c->sent_at[c->packet_id] = now;
    }
    if (options.keys > 0) write_key(c->frame + c->key_at);
    total.sent++;
    put(c, c->frame, c->frame_bytes);
    if (c->introduces_alias) prepare_frame(c, false);
}

static void became_ready(struct connection *c) {
    c->ready = true;
    ready_count++;
    if (c->role != STALLED) return;
    // From here on its socket is full, and nobody reads it.
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

// False: a worker has it already.
static bool take(uint32_t publisher, uint32_t sequence) {
    // One more than there are: the live messages beside a backlog.
    if (taken == NULL) taken = must(calloc(options.publishers + 1, sizeof *taken));
    struct taken *t = taken + publisher;
    while (sequence / 8 >= t->bytes) {
        uint32_t had = t->bytes;
        t->bytes = had ? had * 2 : 4096;
        t->bits = must(realloc(t->bits, t->bytes));
        memset(t->bits + had, 0, t->bytes - had);
    }
    uint8_t *byte = t->bits + sequence / 8, bit = 1 << sequence % 8;
    if (*byte & bit) return false;
    *byte |= bit;
    return true;
}

// One of the workers got it. False: another one had it already.
static bool taken_by_one(struct connection *c, uint32_t publisher, uint32_t sequence) {
    // Who drains what another generator sent knows only how many there are.
    const struct connection *from = options.mode == QUEUE_DRAIN ? NULL : connections[publisher];
    uint32_t last = from ? from->sent : (uint32_t)options.messages;
    if (sequence == 0 || sequence > last) die(4, "a worker got message %u of %u", sequence, last);
    if (!take(publisher, sequence)) {
        total.out_of_order++;
        return false;
    }
    total.received++;
    if (sequence < c->seen[publisher]) total.out_of_order++;
    else c->seen[publisher] = sequence;
    if (from && sequence <= from->written_off) total.forgiven--;
    return true;
}

// False: it is out of order, or came twice.
static bool next_in_order(struct connection *c, uint32_t publisher, uint32_t sequence) {
    uint32_t *seen = c->seen + (hears_all() ? publisher : 0);
    if (sequence <= *seen) {
        total.out_of_order++;
        return false;
    }
    long step = sequence - *seen;
    *seen = sequence;
    total.received++;
    c->settled += step;
    c->forgiven -= step < c->forgiven ? step : c->forgiven;
    return true;
}

// Returns how many bytes the properties of a delivery take. A broker that saves itself their forwarding, or invents an
// alias, is not measured but refused.
static size_t delivered_properties(struct connection *c, const uint8_t *at, const uint8_t *end, bool names_topic) {
    struct properties all = properties_at(at, end);
    struct property property;
    uint32_t alias = 0;
    int user_properties = 0, content_types = 0;
    while (next_property(&all, &property)) {
        if (property.id == USER_PROPERTY) user_properties++;
        else if (property.id == CONTENT_TYPE) content_types++;
        else if (property.id == TOPIC_ALIAS) alias = property.number;
        else if (property.id > SUBSCRIPTION_ID) die(4, "the broker sent a PUBLISH with property 0x%02x", property.id);
        if (property.id == TOPIC_ALIAS && (alias == 0 || alias > ALIASES_OFFERED || !options.topic_aliases)) {
            die(4, "the broker sent topic alias %u; %d were offered", alias, options.topic_aliases ? ALIASES_OFFERED : 0);
        }
    }
    if (!names_topic && (alias == 0 || (c->aliases & 1u << alias) == 0)) {
        die(4, "the broker sent a PUBLISH without a topic, and topic alias %u stands for none", alias);
    }
    if (alias > 0) c->aliases |= 1u << alias;
    // With some publishers on 3.1.1 some deliveries have none.
    bool all_have = options.properties > 0 && options.protocol == V5;
    if (all_have && (user_properties != options.properties || content_types != 1)) {
        die(4, "the broker delivered %d of %d user properties and %d of 1 content type", user_properties,
            options.properties, content_types);
    }
    return all.end - at;
}

static void delivered(struct connection *c, const uint8_t *body, size_t length, int flags, uint64_t arrived) {
    const int qos = flags >> 1 & 3;
    size_t skip = length < 2 ? 2 : 2 + (body[0] << 8 | body[1]);
    const size_t id_at = skip;
    if (qos > 0) skip += 2;
    // Nothing in it, as nearly always: one look.
    if (c->version == V5 && skip < length) {
        bool plain = body[skip] == 0 && id_at > 2 && options.properties == 0;
        skip += plain ? 1 : delivered_properties(c, body + skip, body + length, id_at > 2);
    }
    if (length < skip + STAMP_BYTES) die(4, "the broker sent a PUBLISH that nobody published");
    if (qos > 0) {
        uint8_t puback[4] = {PUBACK << 4, 2, body[id_at], body[id_at + 1]};
        put(c, puback, 4);
    }
    uint64_t sent_at;
    uint32_t publisher, sequence;
    memcpy(&sent_at, body + skip, 8);
    memcpy(&publisher, body + skip + 8, 4);
    memcpy(&sequence, body + skip + 12, 4);
    if (options.mode == BRIDGE_DRAIN) {
        arrived_by_bridge(c, publisher, sequence, sent_at, arrived);
        return;
    }
    if (hears_all() ? publisher >= (uint32_t)options.publishers : publisher != (uint32_t)c->index) {
        die(4, "subscriber %d got a message of publisher %u", c->index, publisher);
    }
    bool counts = has_workers() ? taken_by_one(c, publisher, sequence) : next_in_order(c, publisher, sequence);
    if (!counts || !measuring) return;
    if (arrived < sent_at) arrived = sent_at;
    // What is sent again was held by the stalled consumer: how long says nothing about the others.
    bool again = options.mode == QUEUE_STALL && flags & 8;
    if (again) total.held++;
    else if (options.mode == QUEUE_STALL) record_in_slice(sent_at, arrived);
    else record_latency(&latencies, arrived - sent_at);
}

static void acknowledged(struct connection *c, const uint8_t *body, size_t length, uint64_t arrived) {
    if (length < 2) die(4, "the broker sent a PUBACK without packet id");
    if (c->version == V5 && length > 2) { // without reason code it was a success; without length, it has no properties
        struct properties all = {NULL, NULL};
        struct property property;
        if (body[2] >= 0x80) die(4, "PUBLISH was refused, reason 0x%02x", body[2]);
        if (length > 3) all = properties_at(body + 3, body + length);
        while (next_property(&all, &property)) continue;
    }
    total.acked++;
    c->unacknowledged--;
    if (c->sent_at && measuring) record_latency(&latencies, arrived - c->sent_at[body[0] << 8 | body[1]]);
}

static void welcomed(struct connection *c, const uint8_t *body, size_t length) {
    uint32_t aliases_max = 0;
    if (length < 2 || body[1] != 0) die(3, "CONNECT was refused, reason 0x%02x", length < 2 ? 0 : body[1]);
    sessions_present += body[0] & 1;
    c->receive_max = 65535;
    if (c->version == V5) {
        struct properties all = properties_at(body + 2, body + length);
        struct property property;
        while (next_property(&all, &property)) {
            if (property.id == RECEIVE_MAXIMUM) c->receive_max = property.number;
            if (property.id == TOPIC_ALIAS_MAXIMUM) aliases_max = property.number;
            if (property.id == MAXIMUM_QOS && property.number < (uint32_t)options.qos) {
                die(3, "the broker takes no QoS above %u", property.number);
            }
            if (property.id == MAXIMUM_PACKET_SIZE && c->frame && property.number < c->frame_bytes) {
                die(3, "the broker takes no packet above %u bytes", property.number);
            }
        }
        if (c->receive_max == 0) die(4, "the broker sent receive maximum 0, which is none");
        if (c->introduces_alias && aliases_max == 0) die(3, "the broker takes no topic aliases");
    }
    // In return its subscription is part of its session, or gone with it.
    if (options.mode != RETURN && (c->role == SUBSCRIBER || c->role == STALLED)) send_subscribe(c);
    else became_ready(c);
}

static void subscribed(struct connection *c, const uint8_t *body, size_t length) {
    size_t code_at = 2;
    if (c->version == V5 && length > 2) code_at = properties_at(body + 2, body + length).end - body;
    if (length <= code_at || body[code_at] > 2) {
        die(3, "SUBSCRIBE was refused, reason 0x%02x", length <= code_at ? 0 : body[code_at]);
    }
    became_ready(c);
}

static void on_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length,
                      uint64_t arrived) {
    switch (frame[0] >> 4) {
    case PUBLISH:
        if (c->role == SUBSCRIBER) delivered(c, body, length, frame[0] & 15, arrived);
        break;
    case PUBACK:
        acknowledged(c, body, length, arrived);
        break;
    case CONNACK:
        welcomed(c, body, length);
        break;
    case SUBACK:
        subscribed(c, body, length);
        break;
    case DISCONNECT:
        die(4, "the broker sent DISCONNECT, reason 0x%02x", length > 0 ? body[0] : 0);
    default:
        die(4, "the broker sent packet type %d, which nobody asked for", frame[0] >> 4);
    }
}

#endif
