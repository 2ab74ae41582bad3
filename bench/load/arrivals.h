// bridge-drain: what the two subscribers at the upstream get, the backlog and the live messages.
#ifndef BENCH_LOAD_ARRIVALS_H
#define BENCH_LOAD_ARRIVALS_H
#include "connection.h"
#include "histogram.h"

enum bridged { BACKLOG, LIVE, BRIDGED }; // subscriber 0 and subscriber 1
static struct {
    long received, doubled, out_of_order;
    uint64_t first_at, last_at; // when the first came, and the last that was not there already
} arrivals[BRIDGED];

static bool take(uint32_t publisher, uint32_t sequence); // client.h

static void arrived_by_bridge(struct connection *c, uint32_t publisher, uint32_t sequence, uint64_t sent_at,
                              uint64_t arrived) {
    const bool live = c->index == LIVE;
    const uint32_t publishers = live ? 1 : options.publishers;
    // Another generator has sent the backlog: known is how many there are.
    uint32_t last = options.messages;
    if (live) last = connection_count > BRIDGED ? connections[BRIDGED]->sent : 0;
    if (publisher >= publishers || sequence == 0 || sequence > last) {
        die(4, "the upstream sent message %u of %u of publisher %u", sequence, last, publisher);
    }
    if (!take(live ? (uint32_t)options.publishers : publisher, sequence)) {
        arrivals[c->index].doubled++;
        return;
    }
    if (arrivals[c->index].received++ == 0) arrivals[c->index].first_at = arrived;
    arrivals[c->index].last_at = arrived;
    if (sequence < c->seen[publisher]) arrivals[c->index].out_of_order++;
    else c->seen[publisher] = sequence;
    if (live) record_latency(&latencies, arrived > sent_at ? arrived - sent_at : 0);
}

#endif
