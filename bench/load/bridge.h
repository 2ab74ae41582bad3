// bridge-drain: behind a bridge whose upstream has just come back, what waited arrives beside what is live.
#ifndef BENCH_LOAD_BRIDGE_H
#define BENCH_LOAD_BRIDGE_H
#include "loop.h"

static long all_arrivals(void) {
    long count = 0;
    for (int i = 0; i < BRIDGED; i++) count += arrivals[i].received + arrivals[i].doubled;
    return count;
}

// One live message each 1/--rate s, the first with the first of the backlog. Returns how long none will be due.
static uint64_t send_live(struct connection *publisher, uint64_t now) {
    if (arrivals[BACKLOG].received == 0) return 10 * NS_PER_MS;
    const uint64_t every = NS_PER_S / options.rate;
    while (arrivals[BACKLOG].first_at + publisher->sent * every <= now) send_publish(publisher);
    flush_dirty();
    const uint64_t wait_ns = arrivals[BACKLOG].first_at + publisher->sent * every - now;
    return wait_ns < 10 * NS_PER_MS ? wait_ns : 10 * NS_PER_MS;
}

// All that was sent live is waited for, and for a moment what comes twice.
static void drain_bridge(const struct connection *publisher) {
    long before = all_arrivals();
    for (uint64_t quiet_since = now_ns();;) {
        bool missing = arrivals[LIVE].received < (long)publisher->sent;
        if (now_ns() - quiet_since > (missing ? STALLED_AFTER : DRAIN_QUIET)) return;
        pump(10 * NS_PER_MS);
        if (all_arrivals() != before) quiet_since = now_ns();
        before = all_arrivals();
    }
}

static void run_bridge_drain(void) {
    // It measures how late live messages are: it must not be late itself because the machine is busy. Only root may.
    setpriority(PRIO_PROCESS, 0, -10);
    open_all(SUBSCRIBER, BRIDGED);
    printf("{\"mode\":\"bridge-drain\"}\n"); // from here on nothing is missed: the bridge may come
    fflush(stdout);
    // The processor's time from here on: before the first message comes the edge only waits.
    const uint64_t subscribed_at = now_ns();
    double broker_cpu = broker_cpu_s(), own_cpu = own_cpu_s();
    open_all(PUBLISHER, 1);
    struct connection *publisher = connections[BRIDGED];
    while (arrivals[BACKLOG].received < options.messages) {
        const bool waits = arrivals[BACKLOG].received == 0;
        const uint64_t now = now_ns();
        if (waits && now - subscribed_at > BRIDGE_WITHIN) die(5, "nothing of the backlog has come by the bridge within 20 s");
        if (!waits && now - arrivals[BACKLOG].last_at > STALLED_AFTER) break;
        pump(send_live(publisher, now));
    }
    // All of it may come in one read, which has one time.
    const uint64_t took_ns = arrivals[BACKLOG].last_at - arrivals[BACKLOG].first_at;
    const double seconds = (took_ns > 0 ? took_ns : 1) / 1e9;
    broker_cpu = broker_cpu_s() - broker_cpu;
    own_cpu = own_cpu_s() - own_cpu;
    drain_bridge(publisher);
    printf("{\"mode\":\"bridge-drain\",\"drainedPerSecond\":%.1f,", (arrivals[BACKLOG].received - 1) / seconds);
    print_latencies();
    printf("\"brokerCpuUsPerMessage\":%.4f,\"loadCpuPercent\":%.1f,\"firstMs\":%.1f,\"lost\":%ld,\"doubled\":%ld,"
           "\"outOfOrder\":%ld,\"liveSent\":%u,\"liveLost\":%ld,\"liveDoubled\":%ld}\n",
           broker_cpu * 1e6 / arrivals[BACKLOG].received, own_cpu / seconds * 100,
           (arrivals[BACKLOG].first_at - subscribed_at) / 1e6, options.messages - arrivals[BACKLOG].received,
           arrivals[BACKLOG].doubled, arrivals[BACKLOG].out_of_order + arrivals[LIVE].out_of_order, publisher->sent,
           publisher->sent - arrivals[LIVE].received, arrivals[LIVE].doubled);
}

#endif
