// The relay, the cheapest possible broker: walks frame headers, knows topics, copies bytes; no sessions, no checks.
// It forwards topic aliases as they are, so each must have one publisher and reach all who hear of it.
#ifndef BENCH_LOAD_RELAY_H
#define BENCH_LOAD_RELAY_H
#include "packets.h"

static bool filter_matches(const char *filter, const char *topic) {
    for (; *filter != 0; filter++) {
        if (*filter == '#') return true;
        if (*filter == '+') topic += strcspn(topic, "/");
        else if (*filter != *topic++) return false;
    }
    return *topic == 0;
}

static void find_receivers(struct connection *c, const uint8_t *body) {
    char *topic = must(strndup((const char *)body + 2, body[0] << 8 | body[1]));
    c->receivers = must(calloc(connection_count, sizeof *c->receivers));
    for (int i = 0; i < connection_count; i++) {
        struct connection *other = connections[i];
        if (other->fd < 0 || other->filter == NULL || !filter_matches(other->filter, topic)) continue;
        c->receivers[c->receiver_count++] = other;
    }
    free(topic);
}

static void relay_subscribe(struct connection *c, const uint8_t *body, size_t length) {
    const uint8_t *at = c->version == V5 ? properties_at(body + 2, body + length).end : body + 2;
    char *filter = must(strndup((const char *)at + 2, at[0] << 8 | at[1]));
    c->shares = strncmp(filter, "$share/", 7) == 0;
    c->filter = c->shares ? filter + 7 + strcspn(filter + 7, "/") + 1 : filter;
    if (strncmp(filter, "$queue/", 7) == 0) { // its one queue, which takes everything and keeps nothing
        c->shares = true;
        c->filter = "#";
    }
    uint8_t suback[4] = {body[0], body[1], 0, body[length - 1]};
    if (c->version == V311) suback[2] = body[length - 1];
    put_packet(c, SUBACK << 4, suback, c->version == V5 ? 4 : 3);
}

static void relay_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length) {
    switch (frame[0] >> 4) {
    case CONNECT:
        c->version = body[6];
        if (c->version == V5) put(c, "\x20\6\0\0\3\x22\0\1", 8); // one topic alias
        else put(c, "\x20\2\0\0", 4);
        break;
    case SUBSCRIBE:
        relay_subscribe(c, body, length);
        break;
    case DISCONNECT:
        drop_connection(c);
        break;
    case PUBLISH:
        if (c->receivers == NULL) find_receivers(c, body);
        if (frame[0] & 6) {
            const uint8_t *id = body + 2 + (body[0] << 8 | body[1]);
            uint8_t puback[4] = {PUBACK << 4, 2, id[0], id[1]};
            put(c, puback, 4);
        }
    }
}

// Whole PUBLISH frames in the other version's form: from 5 without their properties, to 5 with none. Into `out`, which
// has room for a byte more per frame; returns how many bytes they are.
static size_t translate(const uint8_t *frames, size_t length, int version, uint8_t *out) {
    const uint8_t *at = frames, *end = frames + length;
    uint8_t *p = out;
    while (at < end) {
        const int first = *at++;
        const size_t remaining = read_variable(&at, end);
        const uint8_t *body_end = at + remaining, *rest = at + 2 + (at[0] << 8 | at[1]) + (first & 6 ? 2 : 0);
        const size_t head = rest - at;
        if (version == V311) rest = properties_at(rest, body_end).end;
        const size_t tail = body_end - rest;
        *p++ = first;
        p = write_variable(p, head + tail + (version == V5));
        memcpy(p, at, head);
        p += head;
        if (version == V5) *p++ = 0;
        memcpy(p, rest, tail);
        p += tail;
        at = body_end;
    }
    return p - out;
}

// A connection either publishes or subscribes, so all that a publisher's chunk holds is PUBLISH: one copy per receiver,
// or to one of those who share.
static void relay_chunk(struct connection *c, const uint8_t *chunk, size_t length) {
    // The shortest frame has 4 bytes, and grows by 2 at most: where its length takes a byte more as well.
    static uint8_t translated[2 * sizeof incoming];
    size_t translated_bytes = 0;
    if (length == 0 || chunk[0] >> 4 != PUBLISH) return;
    int first = 0, end = c->receiver_count;
    if (end > 0 && c->receivers[0]->shares) {
        first = c->turn++ % end;
        end = first + 1;
    }
    for (int i = first; i < end; i++) {
        struct connection *to = c->receivers[i];
        if (to->version == c->version) {
            put(to, chunk, length);
            continue;
        }
        if (translated_bytes == 0) translated_bytes = translate(chunk, length, to->version, translated);
        put(to, translated, translated_bytes);
    }
}

#endif
