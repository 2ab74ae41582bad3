// queue-stall: the consumer that never reads, which comes and goes with the slices.
#ifndef BENCH_LOAD_STALLED_H
#define BENCH_LOAD_STALLED_H
#include "open.h"

// Messages in a row at the start of each slice: at a steady rate a consumer that acknowledges nothing is hardly given
// anything while the others are idle. They fill every window, its own among them.
#define FLOOD_MESSAGES 500

static struct connection *stalled;

static void let_stalled_go(void) {
    if (stalled == NULL) return;
    close(stalled->fd);
    stalled->fd = -1;
    stalled = NULL;
}

static void follow_slices(uint64_t now) {
    static long slice = -1;
    static bool flooded;
    long current = (now - slices_from) / SLICE;
    if (current != slice) {
        slice = current;
        flooded = false;
        let_stalled_go();
        if (slice % 2 == 1) {
            open_one(STALLED, slice);
            stalled = connections[connection_count - 1];
        }
    }
    if (flooded || (stalled && !stalled->ready)) return;
    flooded = true;
    for (int i = 0; i < FLOOD_MESSAGES; i++) send_publish(connections[i % options.publishers]);
    unpaced += FLOOD_MESSAGES;
}

#endif
