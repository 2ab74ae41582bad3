// The relay, the cheapest possible broker: walks frame headers, knows topics, copies bytes; no sessions, no checks.
#ifndef BENCH_LOAD_RELAY_H
#define BENCH_LOAD_RELAY_H
#include "connection.h"

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
        if (other->filter && filter_matches(other->filter, topic)) c->receivers[c->receiver_count++] = other;
    }
    free(topic);
}

static void relay_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length) {
    switch (frame[0] >> 4) {
    case CONNECT:
        put(c, "\x20\2\0\0", 4);
        break;
    case SUBSCRIBE: {
        uint8_t suback[5] = {SUBACK << 4, 3, body[0], body[1], body[length - 1]};
        c->filter = must(strndup((const char *)body + 4, body[2] << 8 | body[3]));
        put(c, suback, 5);
        break;
    }
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

// A connection either publishes or subscribes, so all that a publisher's chunk holds is PUBLISH: one copy per receiver.
static void relay_chunk(struct connection *c, const uint8_t *chunk, size_t length) {
    if (length == 0 || chunk[0] >> 4 != PUBLISH) return;
    for (int i = 0; i < c->receiver_count; i++) put(c->receivers[i], chunk, length);
}

#endif
