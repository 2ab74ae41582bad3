// queue-stall: slices of time without and with the stalled consumer, in turn and on one broker, so that whatever else the
// machine does hits both alike.
#ifndef BENCH_LOAD_SLICES_H
#define BENCH_LOAD_SLICES_H
#include "histogram.h"

static uint64_t slices_from; // when the first slice began
static struct latencies **slices; // without and with, in turn; NULL where none was measured
static long slice_count;

// By when it was sent, so that a message that is late in a slice counts in that one.
static void record_in_slice(uint64_t sent_at, uint64_t arrived) {
    if (sent_at < slices_from || (sent_at - slices_from) % SLICE < SLICE_UNREST) return;
    long slice = (sent_at - slices_from) / SLICE;
    if (slice < SLICES_UNMEASURED) return;
    if (slice >= slice_count) {
        slices = must(realloc(slices, (slice + 1) * sizeof *slices));
        memset(slices + slice_count, 0, (slice + 1 - slice_count) * sizeof *slices);
        slice_count = slice + 1;
    }
    if (slices[slice] == NULL) slices[slice] = must(calloc(1, sizeof **slices));
    record_latency(slices[slice], arrived - sent_at);
}

static int by_value(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

// The median, over the slices of one kind, of the percentile in each. Two or three collections of garbage are all of the
// slowest hundredth of a whole run: which kind they hit is chance, and would be all that its p99 says.
static double slices_percentile_us(bool with, double share) {
    double *values = must(calloc(slice_count + 1, sizeof *values));
    long count = 0;
    for (long slice = with; slice < slice_count; slice += 2) {
        if (slices[slice]) values[count++] = percentile_us(slices[slice], share);
    }
    qsort(values, count, sizeof *values, by_value);
    double median = count > 0 ? (values[(count - 1) / 2] + values[count / 2]) / 2 : 0;
    free(values);
    return median;
}

static void print_slices(void) {
    printf("\"p50Us\":%.2f,\"p99Us\":%.2f,\"p50WithoutUs\":%.2f,\"p99WithoutUs\":%.2f,",
           slices_percentile_us(true, 0.5), slices_percentile_us(true, 0.99), slices_percentile_us(false, 0.5),
           slices_percentile_us(false, 0.99));
}

#endif
