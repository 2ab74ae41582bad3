// The loop of a load: what is sent when, what counts as arrived, and the numbers in the end.
#ifndef BENCH_LOAD_LOOP_H
#define BENCH_LOAD_LOOP_H
#include "stalled.h"

static double broker_cpu_s(void) {
    char path[64], text[2048];
    snprintf(path, sizeof path, "/proc/%d/stat", options.broker_pid);
    FILE *file = options.broker_pid ? fopen(path, "r") : NULL;
    if (file == NULL) return 0;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long user = 0, system = 0;
    char *after_name = strrchr(text, ')');
    if (after_name) sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    return (user + system) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_s(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Does every subscriber get its own copy of every message?
static bool everyone_gets_all(void) {
    return options.mode == BROADCAST || options.mode == FANIN;
}

// Are the messages for nobody who is there? What counts then is what the broker acknowledges.
static bool only_acknowledged(void) {
    return options.mode == AWAY || options.mode == QUEUE_FILL;
}

static long outstanding_of(const struct connection *subscriber) {
    long sent = everyone_gets_all() ? total.sent : connections[subscriber->index]->sent;
    return sent - subscriber->settled - subscriber->forgiven;
}

// Messages on their way. A broadcast is on its way until the last subscriber has it: the window never exceeds what a
// broker must be able to queue for one of them.
static long outstanding(void) {
    if (only_acknowledged()) return total.sent - total.acked;
    if (has_workers()) return total.sent - total.received - total.forgiven;
    long most = 0, sum = 0;
    for (int i = 0; i < options.subscribers; i++) {
        long left = outstanding_of(connections[options.publishers + i]);
        sum += left;
        if (left > most) most = left;
    }
    return everyone_gets_all() ? most : sum;
}

// What the run is about: messages acknowledged where their receivers are away, else deliveries.
static long arrived(void) {
    return only_acknowledged() ? total.acked : total.received;
}

static long arriving(void) {
    return only_acknowledged() ? total.sent : total.sent * fan;
}

static bool all_sent(void) {
    return options.messages > 0 && total.sent >= options.messages;
}

// Whose turn it is, among those who may send: in 5 a broker limits what may wait for PUBACK. NULL: nobody.
static struct connection *next_publisher(void) {
    static uint32_t turn;
    for (int asked = 0; asked < options.publishers; asked++) {
        struct connection *c = connections[turn / options.burst % options.publishers];
        if (c->unacknowledged < c->receive_max || c->version == V311) {
            turn++;
            return c;
        }
        turn += options.burst - turn % options.burst;
    }
    return NULL;
}

// Sends what the window, or the rate, allows; returns how many, and in *wait_ns how long nothing will be due.
static int send_due(uint64_t started, uint64_t now, uint64_t *wait_ns) {
    long due = SEND_BATCH;
    *wait_ns = NS_PER_MS;
    if (options.rate > 0) {
        long paced = total.sent - unpaced;
        due = (long)((now - started) * (double)options.rate / NS_PER_S) - paced;
        uint64_t next = started + (uint64_t)((paced + 1) * (double)NS_PER_S / options.rate);
        if (due <= 0) *wait_ns = next > now ? next - now : 1;
    }
    long room = options.window - outstanding();
    int count = 0;
    while (count < due && count < room && count < SEND_BATCH && !all_sent()) {
        if (options.qos > 0 && total.sent - total.acked >= options.window) break;
        struct connection *publisher = next_publisher();
        if (publisher == NULL) break;
        send_publish(publisher);
        count++;
    }
    flush_dirty();
    return count;
}

static void write_off(void) {
    total.write_offs++;
    if (has_workers()) {
        for (int i = 0; i < options.publishers; i++) connections[i]->written_off = connections[i]->sent;
        total.forgiven = total.sent - total.received;
        return;
    }
    for (int i = 0; i < options.subscribers; i++) {
        struct connection *subscriber = connections[options.publishers + i];
        subscriber->forgiven += outstanding_of(subscriber);
    }
}

static void check_progress(uint64_t now) {
    static long last_arrived;
    static uint64_t last_progress, last_write_off;
    if (arrived() != last_arrived || last_progress == 0) {
        last_arrived = arrived();
        last_progress = last_write_off = now;
    } else if (now - last_progress > STALLED_AFTER) {
        die(5, "nothing has arrived for 5 s: %ld sent, %ld acknowledged, %ld of %ld delivered", total.sent, total.acked,
            total.received, total.sent * fan);
    } else if (!only_acknowledged() && now - last_write_off > WRITE_OFF_AFTER && outstanding() > 0) {
        last_write_off = now;
        write_off();
    }
}

static void print_acknowledged(double seconds, long messages, double broker_cpu, double own_cpu) {
    printf("{\"mode\":\"%s\",\"acknowledgedPerSecond\":%.1f,", mode_names[options.mode], messages / seconds);
    print_latencies();
    printf("\"brokerCpuUsPerMessage\":%.4f,\"loadCpuPercent\":%.1f,\"acknowledged\":%ld}\n",
           broker_cpu * 1e6 / messages, own_cpu / seconds * 100, total.acked);
}

static void print_result(double seconds, long deliveries, double broker_cpu, double own_cpu) {
    printf("{\"mode\":\"%s\",\"deliveries\":%ld,\"deliveriesPerSecond\":%.1f,", mode_names[options.mode], deliveries,
           deliveries / seconds);
    if (options.mode == QUEUE_STALL) print_slices();
    else print_latencies();
    printf("\"brokerCpuUsPerDelivery\":%.4f,\"loadCpuPercent\":%.1f,", broker_cpu * 1e6 / deliveries,
           own_cpu / seconds * 100);
    if (options.protocol == V5 && options.qos > 0) printf("\"receiveMaximum\":%d,", connections[0]->receive_max);
    if (options.mode == QUEUE_STALL) printf("\"held\":%ld,", total.held);
    printf("\"expected\":%ld,\"received\":%ld,\"lost\":%ld,\"outOfOrder\":%ld,\"writeOffs\":%ld}\n", total.sent * fan,
           total.received, total.sent * fan - total.received, total.out_of_order, total.write_offs);
}

// Waits until all has arrived, or until nothing has for a while; what is missing then is lost. What arrives late is not
// counted as delivered in time, but its latency is: an open loop would look the better for every message it delays.
// Acknowledgements are not given up so soon: a broker that is still there owes every one of them.
static void drain(void) {
    long before = -1;
    uint64_t quiet_since = now_ns();
    while (arrived() < arriving() && now_ns() - quiet_since < (only_acknowledged() ? STALLED_AFTER : DRAIN_QUIET)) {
        if (arrived() != before) quiet_since = now_ns();
        before = arrived();
        pump(10 * NS_PER_MS);
    }
    if (only_acknowledged() && arrived() < arriving()) {
        die(5, "%ld of %ld messages were never acknowledged", arriving() - arrived(), arriving());
    }
}

static void run_load(void) {
    open_all(PUBLISHER, options.publishers); // first, so that connections[0..publishers) are they
    if (options.mode != QUEUE_FILL) open_all(SUBSCRIBER, options.subscribers);
    if (options.mode == STALL) open_all(STALLED, 1);
    if (everyone_gets_all()) fan = options.subscribers;
    if (options.mode == AWAY) leave_all(SUBSCRIBER);
    uint64_t started = now_ns(), from = started + options.warmup_ms * NS_PER_MS;
    uint64_t until = from + options.measure_ms * NS_PER_MS, measured_from = from, now, wait_ns;
    double broker_cpu = 0, own_cpu = 0;
    long received = 0;
    while ((now = now_ns()) < until && !(all_sent() && arrived() >= arriving())) {
        if (!measuring && now >= from) {
            measuring = true;
            measured_from = slices_from = now;
            broker_cpu = broker_cpu_s();
            own_cpu = own_cpu_s();
            received = arrived();
        }
        if (measuring && options.mode == QUEUE_STALL) follow_slices(now);
        int count = send_due(started, now, &wait_ns);
        pump(count > 0 ? 0 : wait_ns);
        check_progress(now);
    }
    double seconds = (now_ns() - measured_from) / 1e9;
    received = arrived() - received;
    broker_cpu = broker_cpu_s() - broker_cpu;
    own_cpu = own_cpu_s() - own_cpu;
    let_stalled_go(); // what it holds is for the others
    drain();
    if (received == 0) {
        die(5, "nothing arrived in the measured %.1f s: %ld sent, %ld acknowledged, %ld of %ld delivered in all",
            seconds, total.sent, total.acked, total.received, total.sent * fan);
    }
    if (only_acknowledged()) print_acknowledged(seconds, received, broker_cpu, own_cpu);
    else print_result(seconds, received, broker_cpu, own_cpu);
}

#endif
