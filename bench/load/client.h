// The client's side of MQTT 3.1.1: CONNECT, SUBSCRIBE, PUBLISH, and what the deliveries say about loss and order.
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H
#include "connection.h"
#include "histogram.h"

// What was sent and what came of it. A subscriber's `settled` follows the highest sequence of each publisher: what a
// broker skipped (a full queue) is settled by the next message that arrives, so losses do not shrink the window.
static struct {
    long sent, acked, received, out_of_order, write_offs;
} total;
static int fan = 1;             // deliveries that one message must cause
static int sessions_present;    // how many who came back found their session

// Does every subscriber get what every publisher sends, or only what the publisher with its own index sends?
static bool subscribers_share(void) {
    return options.mode == BROADCAST || options.mode == FANIN;
}
static bool measuring;

static uint8_t *write_header(uint8_t *p, int first, size_t remaining) {
    *p++ = first;
    do {
        *p++ = (remaining & 127) | (remaining > 127 ? 128 : 0);
        remaining >>= 7;
    } while (remaining > 0);
    return p;
}

static uint8_t *write_string(uint8_t *p, const char *text) {
    size_t length = strlen(text);
    *p++ = length >> 8;
    *p++ = length & 255;
    memcpy(p, text, length);
    return p + length;
}

static void send_connect(struct connection *c) {
    static const char role_letters[] = {[PUBLISHER] = 'p', [SUBSCRIBER] = 's', [STALLED] = 'x', [HELD] = 'h'};
    char id[48];
    // The process id keeps two generators on one broker apart (the idle ones come in steps); who returns to a session
    // that another generator left is told its number.
    int generator = options.id ? options.id : (int)getpid();
    snprintf(id, sizeof id, "bench-%d-%c%d", generator, role_letters[c->role], c->index);
    uint8_t packet[96], *p = write_header(packet, CONNECT << 4, 10 + 2 + strlen(id));
    memcpy(p, "\0\4MQTT\4\2\0\0", 10); // 3.1.1, clean session, no keep-alive
    if (options.persistent && c->role == SUBSCRIBER) p[7] = 0;
    p = write_string(p + 10, id);
    put(c, packet, p - packet);
}

static void topic_of(const struct connection *c, char topic[64]) {
    bool subscribes = c->role != PUBLISHER;
    if (c->role == STALLED) snprintf(topic, 64, "#");
    else if (options.mode == BROADCAST) snprintf(topic, 64, "bench/all/data");
    else if (options.mode == PROBE) snprintf(topic, 64, "bench/probe/%d", c->index);
    else if (options.mode == FANIN && subscribes) snprintf(topic, 64, "bench/+/data");
    else snprintf(topic, 64, "bench/%d/data", c->index);
}

static void send_subscribe(struct connection *c) {
    char topic[64];
    topic_of(c, topic);
    uint8_t packet[96], *p = write_header(packet, SUBSCRIBE << 4 | 2, 2 + 2 + strlen(topic) + 1);
    *p++ = 0;
    *p++ = 1;
    p = write_string(p, topic);
    *p++ = options.qos;
    put(c, packet, p - packet);
}

static void prepare_frame(struct connection *c) {
    char topic[64];
    topic_of(c, topic);
    size_t remaining = 2 + strlen(topic) + (options.qos ? 2 : 0) + options.payload_bytes;
    c->frame = must(calloc(1, remaining + 5));
    uint8_t *p = write_header(c->frame, PUBLISH << 4 | options.qos << 1, remaining);
    p = write_string(p, topic) + (options.qos ? 2 : 0);
    c->stamp_at = p - c->frame;
    c->frame_bytes = c->stamp_at + options.payload_bytes;
    uint32_t publisher = c->index;
    memcpy(p + 8, &publisher, 4);
    if (options.mode == AWAY) c->sent_at = must(calloc(65536, sizeof *c->sent_at));
}

static void send_publish(struct connection *c) {
    uint8_t *stamp = c->frame + c->stamp_at;
    uint64_t now = now_ns();
    uint32_t sequence = ++c->sent;
    memcpy(stamp, &now, 8);
    memcpy(stamp + 12, &sequence, 4);
    if (options.qos > 0) {
        if (++c->packet_id == 0) c->packet_id = 1;
        stamp[-2] = c->packet_id >> 8;
        stamp[-1] = c->packet_id & 255;
        if (c->sent_at) c->sent_at[c->packet_id] = now;
    }
    total.sent++;
    put(c, c->frame, c->frame_bytes);
}

static void became_ready(struct connection *c) {
    c->ready = true;
    ready_count++;
    if (c->role != STALLED) return;
    // From here on its socket is full, and nobody reads it.
    epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
}

static void delivered(struct connection *c, const uint8_t *body, size_t length, int qos, uint64_t arrived) {
    size_t skip = 2 + (body[0] << 8 | body[1]);
    if (length < skip + (qos ? 2 : 0) + STAMP_BYTES) die(4, "the broker sent a PUBLISH that nobody published");
    if (qos > 0) {
        uint8_t puback[4] = {PUBACK << 4, 2, body[skip], body[skip + 1]};
        put(c, puback, 4);
        skip += 2;
    }
    uint64_t sent_at;
    uint32_t publisher, sequence;
    memcpy(&sent_at, body + skip, 8);
    memcpy(&publisher, body + skip + 8, 4);
    memcpy(&sequence, body + skip + 12, 4);
    bool many = subscribers_share();
    if (many ? publisher >= (uint32_t)options.publishers : publisher != (uint32_t)c->index) {
        die(4, "subscriber %d got a message of publisher %u", c->index, publisher);
    }
    uint32_t *seen = c->seen + (many ? publisher : 0);
    if (sequence <= *seen) {
        total.out_of_order++; // or twice
        return;
    }
    long step = sequence - *seen;
    *seen = sequence;
    total.received++;
    c->settled += step;
    c->forgiven -= step < c->forgiven ? step : c->forgiven;
    if (measuring) record_latency(arrived > sent_at ? arrived - sent_at : 0);
}

static void on_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length,
                      uint64_t arrived) {
    switch (frame[0] >> 4) {
    case PUBLISH:
        if (c->role == SUBSCRIBER) delivered(c, body, length, frame[0] >> 1 & 3, arrived);
        break;
    case PUBACK:
        total.acked++;
        if (c->sent_at && measuring && length >= 2) record_latency(arrived - c->sent_at[body[0] << 8 | body[1]]);
        break;
    case CONNACK:
        if (length < 2 || body[1] != 0) die(3, "CONNECT was refused");
        sessions_present += body[0] & 1;
        if (options.mode == RETURN) became_ready(c); // its subscription is part of its session, or gone with it
        else if (c->role == SUBSCRIBER || c->role == STALLED) send_subscribe(c);
        else became_ready(c);
        break;
    case SUBACK:
        if (length < 3 || body[2] > 2) die(3, "SUBSCRIBE was refused");
        became_ready(c);
        break;
    default:
        die(4, "the broker sent packet type %d, which nobody asked for", frame[0] >> 4);
    }
}

#endif
