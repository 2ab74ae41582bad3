// Latencies in a log-linear histogram: buckets of 0.1 us up to 1 ms, 1 us up to 10 ms, and so on, to 100 s.
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H
#include "base.h"

#define FINE_BUCKETS 10000
#define DECADE_BUCKETS 9000
#define DECADES 5
struct latencies {
    uint32_t histogram[FINE_BUCKETS + DECADES * DECADE_BUCKETS + 1];
    uint64_t max_ns;
};
static struct latencies latencies;

static void record_latency(struct latencies *all, uint64_t ns) {
    if (ns > all->max_ns) all->max_ns = ns;
    uint64_t tenths = ns / 100, base = 0;
    for (int decade = 0; tenths >= FINE_BUCKETS; decade++) {
        if (decade == DECADES) {
            base = DECADES * DECADE_BUCKETS;
            tenths = FINE_BUCKETS;
            break;
        }
        tenths /= 10;
        base += DECADE_BUCKETS;
    }
    all->histogram[base + tenths]++;
}

static void forget_latencies(void) {
    memset(&latencies, 0, sizeof latencies);
}

// The middle of the bucket that holds the given share of all samples, in us; 0 without samples.
static double percentile_us(const struct latencies *all, double share) {
    const int buckets = sizeof all->histogram / sizeof all->histogram[0];
    uint64_t samples = 0, passed = 0;
    for (int i = 0; i < buckets; i++) samples += all->histogram[i];
    double width = 0.1, edge = 0;
    for (int i = 0; i < buckets && samples > 0; i++) {
        if (i >= FINE_BUCKETS && (i - FINE_BUCKETS) % DECADE_BUCKETS == 0) width *= 10;
        passed += all->histogram[i];
        if (passed >= samples * share) return edge + width / 2;
        edge += width;
    }
    return 0;
}

static void print_latencies(void) {
    printf("\"p50Us\":%.2f,\"p99Us\":%.2f,\"maxUs\":%.2f,", percentile_us(&latencies, 0.5),
           percentile_us(&latencies, 0.99), latencies.max_ns / 1e3);
}

#endif
