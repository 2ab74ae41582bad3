// Latencies in a log-linear histogram: buckets of 0.1 us up to 1 ms, 1 us up to 10 ms, and so on, to 100 s.
#ifndef BENCH_LOAD_HISTOGRAM_H
#define BENCH_LOAD_HISTOGRAM_H
#include "base.h"

#define FINE_BUCKETS 10000
#define DECADE_BUCKETS 9000
#define DECADES 5
static uint32_t histogram[FINE_BUCKETS + DECADES * DECADE_BUCKETS + 1];
static uint64_t latency_max_ns;

static void record_latency(uint64_t ns) {
    if (ns > latency_max_ns) latency_max_ns = ns;
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
    histogram[base + tenths]++;
}

static void forget_latencies(void) {
    memset(histogram, 0, sizeof histogram);
    latency_max_ns = 0;
}

// The middle of the bucket that holds the given share of all samples, in us; 0 without samples.
static double percentile_us(double share) {
    const int buckets = sizeof histogram / sizeof histogram[0];
    uint64_t samples = 0, passed = 0;
    for (int i = 0; i < buckets; i++) samples += histogram[i];
    double width = 0.1, edge = 0;
    for (int i = 0; i < buckets && samples > 0; i++) {
        if (i >= FINE_BUCKETS && (i - FINE_BUCKETS) % DECADE_BUCKETS == 0) width *= 10;
        passed += histogram[i];
        if (passed >= samples * share) return edge + width / 2;
        edge += width;
    }
    return 0;
}

#endif
