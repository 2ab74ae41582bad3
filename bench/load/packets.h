// What a client writes, in 3.1.1 and in 5: CONNECT, SUBSCRIBE and the PUBLISH of each publisher.
#ifndef BENCH_LOAD_PACKETS_H
#define BENCH_LOAD_PACKETS_H
#include "arrivals.h"
#include "connection.h"
#include "properties.h"

static int version_of(int index) {
    if (options.protocol != MIXED) return options.protocol;
    return index % 2 == 0 ? V5 : V311;
}

// Does each message go to one of the subscribers?
static bool has_workers(void) {
    return options.mode == SHARE || options.mode == QUEUE || options.mode == QUEUE_STALL || options.mode == QUEUE_DRAIN;
}

// May a subscriber get what any publisher sends, or only what the publisher with its own index sends?
static bool hears_all(void) {
    return options.mode == BROADCAST || options.mode == FANIN || options.mode == BRIDGE_DRAIN || has_workers();
}

static uint8_t *write_variable(uint8_t *p, size_t number) {
    do {
        *p++ = (number & 127) | (number > 127 ? 128 : 0);
        number >>= 7;
    } while (number > 0);
    return p;
}

static uint8_t *write_short(uint8_t *p, int number) {
    *p++ = number >> 8;
    *p++ = number & 255;
    return p;
}

static uint8_t *write_string(uint8_t *p, const char *text) {
    size_t length = strlen(text);
    p = write_short(p, length);
    memcpy(p, text, length);
    return p + length;
}

static void put_packet(struct connection *c, int first, const uint8_t *body, size_t length) {
    uint8_t header[5], *p = header;
    *p++ = first;
    p = write_variable(p, length);
    put(c, header, p - header);
    put(c, body, length);
}

static void send_connect(struct connection *c) {
    static const char role_letters[] = {[PUBLISHER] = 'p', [SUBSCRIBER] = 's', [STALLED] = 'x', [HELD] = 'h'};
    char id[48];
    // The process id keeps two generators on one broker apart (the idle ones come in steps); who returns to a session
    // that another generator left is told its number.
    int generator = options.id ? options.id : (int)getpid();
    snprintf(id, sizeof id, "bench-%d-%c%d", generator, role_letters[c->role], c->index);
    bool stays = options.persistent && c->role == SUBSCRIBER;
    uint8_t body[128], *p = write_string(body, "MQTT");
    *p++ = c->version;
    *p++ = stays ? 0 : 2;
    p = write_short(p, 0); // no keep-alive
    if (c->version == V5) {
        uint8_t *length = p++;
        if (stays) { // an hour: in 5 a session that is not told to stay goes with its connection
            *p++ = SESSION_EXPIRY;
            p = write_short(write_short(p, 0), 3600);
        }
        if (options.topic_aliases) {
            *p++ = TOPIC_ALIAS_MAXIMUM;
            p = write_short(p, ALIASES_OFFERED);
        }
        *length = p - length - 1;
    }
    p = write_string(p, id);
    put_packet(c, CONNECT << 4, body, p - body);
}

static void topic_of(const struct connection *c, char topic[64]) {
    bool subscribes = c->role != PUBLISHER;
    if (options.mode != SHARE && has_workers() && subscribes) snprintf(topic, 64, "$queue/bench");
    else if (c->role == STALLED) snprintf(topic, 64, "#");
    else if (options.mode == BROADCAST) snprintf(topic, 64, "bench/all/data");
    else if (options.mode == PROBE) snprintf(topic, 64, "bench/probe/%d", c->index);
    else if (options.mode == BRIDGE_DRAIN && (!subscribes || c->index == LIVE)) snprintf(topic, 64, "live/x");
    else if ((options.mode == FANIN || options.mode == BRIDGE_DRAIN) && subscribes) snprintf(topic, 64, "bench/+/data");
    else if (options.mode == SHARE && subscribes) snprintf(topic, 64, "$share/workers/bench/+/data");
    else if (options.keys > 0) snprintf(topic, 64, "bench/%d/%0*d", c->index, KEY_DIGITS, 0);
    else snprintf(topic, 64, "bench/%d/data", c->index);
}

static void send_subscribe(struct connection *c) {
    char topic[64];
    topic_of(c, topic);
    uint8_t body[96], *p = write_short(body, 1);
    if (c->version == V5) *p++ = 0; // no properties
    p = write_string(p, topic);
    *p++ = options.subscriber_qos;
    put_packet(c, SUBSCRIBE << 4 | 2, body, p - body);
}

static uint8_t *write_publish_properties(uint8_t *p) {
    uint8_t block[PUBLISH_PROPERTIES_BYTES_MAX], *q = block;
    if (options.properties > 0) {
        *q++ = CONTENT_TYPE;
        q = write_string(q, "application/octet-stream");
    }
    for (int i = 0; i < options.properties; i++) {
        char name[16];
        snprintf(name, sizeof name, "name-%d", i);
        *q++ = USER_PROPERTY;
        q = write_string(write_string(q, name), "value");
    }
    if (options.topic_aliases) {
        *q++ = TOPIC_ALIAS;
        q = write_short(q, 1); // it has one topic only
    }
    p = write_variable(p, q - block);
    memcpy(p, block, q - block);
    return p + (q - block);
}

// The PUBLISH of this publisher; all that will be written into it are packet id, stamp and key. `names_topic`: an alias
// stands for the topic of the messages after the first.
static void prepare_frame(struct connection *c, bool names_topic) {
    char topic[64] = "";
    if (names_topic) topic_of(c, topic);
    uint8_t head[sizeof topic + PUBLISH_PROPERTIES_BYTES_MAX + 16], *p = write_string(head, topic);
    size_t id_at = p - head;
    if (options.qos > 0) p = write_short(p, 0);
    if (c->version == V5) p = write_publish_properties(p);
    size_t head_bytes = p - head;
    free(c->frame);
    c->frame = must(calloc(1, 5 + head_bytes + options.payload_bytes));
    c->frame[0] = PUBLISH << 4 | options.qos << 1;
    p = write_variable(c->frame + 1, head_bytes + options.payload_bytes);
    memcpy(p, head, head_bytes);
    c->id_at = p + id_at - c->frame;
    c->stamp_at = p + head_bytes - c->frame;
    c->key_at = p + 2 + strlen(topic) - KEY_DIGITS - c->frame;
    c->frame_bytes = c->stamp_at + options.payload_bytes;
    c->introduces_alias = names_topic && c->version == V5 && options.topic_aliases;
    uint32_t publisher = c->index;
    memcpy(c->frame + c->stamp_at + 8, &publisher, 4);
}

#endif
