// The load generator of the benchmark: one thread, epoll, MQTT 3.1.1, loopback only. C, because it must cost less per
// message than any broker that it measures. bench/load-generator.ts compiles and runs it: cc -O2 -o load load.c
//
//   pair       publisher n -> topic n -> subscriber n
//   broadcast  every publisher -> one topic -> every subscriber
//   fanin      publisher n -> topic n -> every subscriber, by one wildcard
//   stall      as pair, beside one more connection that subscribes to `#` and never reads
//   crowd      --subscribers connections at once: each subscribes to its own topic and publishes one message to it
//   idle       --subscribers connections that stay until stdin closes
//   relay      not a load but the cheapest possible broker, on --port until stdin closes: shows the generator's ceiling
//
// The loop is closed: at most --window messages are on their way, so a slow broker is measured, not drowned. With
// --rate messages per second it is open: what the broker does cannot slow the sending (--window still bounds it).
// Publishers take turns, --burst messages each. A broker that drops does not end the loop: see `settled` in client.h.
// The last line on stdout is one JSON object. Exit codes: 2 usage, 3 refused or cannot connect, 4 the broker closed a
// connection or broke the protocol, 5 nothing arrives any more; the reason is the last line on stderr.
#include "load/base.h"
#include "load/client.h"
#include "load/connection.h"
#include "load/relay.h"

static void watch_stdin(void) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    // A regular file or /dev/null cannot be watched; it is at its end already.
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) stdin_closed = true;
}

static struct sockaddr_in loopback(void) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void open_one(enum role role, int index) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die(3, "socket: %s (connection %d; raise the limit of open files)", strerror(errno), connection_count);
    int small = 4096; // the less the kernel takes for it, the sooner the broker feels that nobody reads
    if (role == STALLED) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct sockaddr_in address = loopback();
    if (connect(fd, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        die(3, "cannot connect to port %d: %s", options.port, strerror(errno));
    }
    struct connection *c = add_connection(fd, role, index);
    if (role == SUBSCRIBER) c->seen = must(calloc(subscribers_share() ? options.publishers : 1, sizeof *c->seen));
    if (role == PUBLISHER || options.mode == CROWD) prepare_frame(c);
    send_connect(c);
}

static void open_all(enum role role, int count) {
    uint64_t deadline = now_ns() + OPEN_TIMEOUT;
    int opened = 0, others = connection_count;
    while (ready_count < others + count) {
        while (opened < count && connection_count - ready_count < OPENING_MAX) open_one(role, opened++);
        flush_dirty();
        pump(100 * NS_PER_MS);
        if (now_ns() > deadline) die(3, "only %d of %d connections were accepted", ready_count, others + count);
    }
}

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

static long outstanding_of(const struct connection *subscriber) {
    long sent = subscribers_share() ? total.sent : connections[subscriber->index]->sent;
    return sent - subscriber->settled - subscriber->forgiven;
}

// Messages on their way. A broadcast is on its way until the last subscriber has it: the window never exceeds what a
// broker must be able to queue for one of them.
static long outstanding(void) {
    long most = 0, sum = 0;
    for (int i = 0; i < options.subscribers; i++) {
        long left = outstanding_of(connections[options.publishers + i]);
        sum += left;
        if (left > most) most = left;
    }
    return subscribers_share() ? most : sum;
}

// Sends what the window, or the rate, allows; returns how many, and in *wait_ns how long nothing will be due.
static int send_due(uint64_t started, uint64_t now, uint64_t *wait_ns) {
    static uint32_t turn;
    long due = SEND_BATCH;
    *wait_ns = NS_PER_MS;
    if (options.rate > 0) {
        due = (long)((now - started) * (double)options.rate / NS_PER_S) - total.sent;
        uint64_t next = started + (uint64_t)((total.sent + 1) * (double)NS_PER_S / options.rate);
        if (due <= 0) *wait_ns = next > now ? next - now : 1;
    }
    long room = options.window - outstanding();
    int count = 0;
    while (count < due && count < room && count < SEND_BATCH) {
        if (options.qos > 0 && total.sent - total.acked >= options.window) break;
        send_publish(connections[turn++ / options.burst % options.publishers]);
        count++;
    }
    flush_dirty();
    return count;
}

static void check_progress(uint64_t now) {
    static long last_received;
    static uint64_t last_progress, last_write_off;
    if (total.received != last_received || last_progress == 0) {
        last_received = total.received;
        last_progress = last_write_off = now;
    } else if (now - last_progress > STALLED_AFTER) {
        die(5, "nothing has arrived for 5 s: %ld sent, %ld acknowledged, %ld of %ld delivered", total.sent, total.acked,
            total.received, total.sent * fan);
    } else if (now - last_write_off > WRITE_OFF_AFTER && outstanding() > 0) {
        last_write_off = now;
        for (int i = 0; i < options.subscribers; i++) {
            struct connection *subscriber = connections[options.publishers + i];
            subscriber->forgiven += outstanding_of(subscriber);
        }
        total.write_offs++;
    }
}

static void print_result(double seconds, long deliveries, double broker_cpu, double own_cpu) {
    printf("{\"mode\":\"%s\",\"deliveries\":%ld,\"deliveriesPerSecond\":%.1f,", mode_names[options.mode], deliveries,
           deliveries / seconds);
    printf("\"p50Us\":%.2f,\"p99Us\":%.2f,\"maxUs\":%.2f,", percentile_us(0.5), percentile_us(0.99),
           latency_max_ns / 1e3);
    printf("\"brokerCpuUsPerDelivery\":%.4f,\"loadCpuPercent\":%.1f,", broker_cpu * 1e6 / deliveries,
           own_cpu / seconds * 100);
    printf("\"expected\":%ld,\"received\":%ld,\"lost\":%ld,\"outOfOrder\":%ld,\"writeOffs\":%ld}\n", total.sent * fan,
           total.received, total.sent * fan - total.received, total.out_of_order, total.write_offs);
}

// Waits until all has arrived, or until nothing has for a while; what is missing then is lost. What arrives late is not
// counted as delivered in time, but its latency is: an open loop would look the better for every message it delays.
static void drain(void) {
    long before = -1;
    uint64_t quiet_since = now_ns();
    while (total.received < total.sent * fan && now_ns() - quiet_since < DRAIN_QUIET) {
        if (total.received != before) quiet_since = now_ns();
        before = total.received;
        pump(10 * NS_PER_MS);
    }
}

static void run_load(void) {
    open_all(PUBLISHER, options.publishers); // first, so that connections[0..publishers) are they
    open_all(SUBSCRIBER, options.subscribers);
    if (options.mode == STALL) open_all(STALLED, 1);
    if (subscribers_share()) fan = options.subscribers;
    uint64_t started = now_ns(), from = started + options.warmup_ms * NS_PER_MS;
    uint64_t until = from + options.measure_ms * NS_PER_MS, measured_from = from, now, wait_ns;
    double broker_cpu = 0, own_cpu = 0;
    long received = 0;
    while ((now = now_ns()) < until) {
        if (!measuring && now >= from) {
            measuring = true;
            measured_from = now;
            broker_cpu = broker_cpu_s();
            own_cpu = own_cpu_s();
            received = total.received;
        }
        int count = send_due(started, now, &wait_ns);
        pump(count > 0 ? 0 : wait_ns);
        check_progress(now);
    }
    double seconds = (now_ns() - measured_from) / 1e9;
    received = total.received - received;
    broker_cpu = broker_cpu_s() - broker_cpu;
    own_cpu = own_cpu_s() - own_cpu;
    drain();
    if (received == 0) {
        die(5, "nothing arrived in the measured %.1f s: %ld sent, %ld acknowledged, %ld of %ld delivered in all",
            seconds, total.sent, total.acked, total.received, total.sent * fan);
    }
    print_result(seconds, received, broker_cpu, own_cpu);
}

static void run_crowd(void) {
    uint64_t started = now_ns();
    open_all(SUBSCRIBER, options.subscribers);
    uint64_t opened = now_ns();
    measuring = true;
    for (int i = 0; i < connection_count; i++) send_publish(connections[i]);
    flush_dirty();
    drain();
    printf("{\"mode\":\"crowd\",\"connections\":%d,\"openMs\":%.1f,\"exchangeMs\":%.1f,\"lost\":%ld}\n",
           connection_count, (opened - started) / 1e6, latency_max_ns / 1e6, total.sent - total.received);
}

static void run_idle(void) {
    uint64_t started = now_ns();
    open_all(HELD, options.subscribers);
    printf("{\"mode\":\"idle\",\"connections\":%d,\"openMs\":%.1f}\n", connection_count, (now_ns() - started) / 1e6);
    fflush(stdout);
    watch_stdin();
    while (!stdin_closed) pump(1000 * NS_PER_MS);
}

static void run_relay(void) {
    int yes = 1;
    struct sockaddr_in address = loopback();
    listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listen_fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listen_fd, (void *)&address, sizeof address) < 0 || listen(listen_fd, 1024) < 0) {
        die(3, "cannot listen on port %d: %s", options.port, strerror(errno));
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listen_fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event);
    watch_stdin();
    while (!stdin_closed) pump(1000 * NS_PER_MS);
}

// ---- the command line

static void parse_options(int count, char **arguments) {
    const struct { const char *name; int *value; } numbers[] = {
        {"--port", &options.port}, {"--publishers", &options.publishers}, {"--subscribers", &options.subscribers},
        {"--qos", &options.qos}, {"--payload-bytes", &options.payload_bytes}, {"--window", &options.window},
        {"--rate", &options.rate}, {"--burst", &options.burst}, {"--warmup-ms", &options.warmup_ms},
        {"--measure-ms", &options.measure_ms},
        {"--broker-pid", &options.broker_pid}};
    options.mode = MODES;
    for (int i = 1; i + 1 < count; i += 2) {
        bool known = false;
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            if (strcmp(arguments[i], numbers[n].name) != 0) continue;
            *numbers[n].value = atoi(arguments[i + 1]);
            known = true;
        }
        for (int mode = 0; mode < MODES && strcmp(arguments[i], "--mode") == 0; mode++) {
            if (strcmp(arguments[i + 1], mode_names[mode]) == 0) known = true, options.mode = mode;
        }
        if (!known) die(2, "unknown option %s %s", arguments[i], arguments[i + 1]);
    }
    if (count % 2 == 0) die(2, "option %s has no value", arguments[count - 1]);
    if (options.mode == MODES) die(2, "--mode is missing: pair, broadcast, fanin, stall, crowd, idle or relay");
    if (options.qos < 0 || options.qos > 1) die(2, "--qos must be 0 or 1");
    if (options.publishers < 1 || options.subscribers < 1) die(2, "--publishers and --subscribers must be at least 1");
    if (options.window < 1 || options.window > 60000) die(2, "--window must be 1 to 60000: packet ids must not meet");
    if (options.rate < 0 || options.burst < 1) die(2, "--rate must not be negative, --burst must be at least 1");
    if (options.payload_bytes < STAMP_BYTES || options.payload_bytes > 65536) {
        die(2, "--payload-bytes must be %d to 65536", STAMP_BYTES);
    }
    if ((options.mode == PAIR || options.mode == STALL) && options.publishers != options.subscribers) {
        die(2, "pairs need as many publishers as subscribers");
    }
}

int main(int count, char **arguments) {
    parse_options(count, arguments);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prctl(PR_SET_TIMERSLACK, 1000); // an open loop must wake when the next message is due, not 50 us later
    epoll_fd = epoll_create1(0);
    if (options.mode == RELAY) run_relay();
    else if (options.mode == IDLE) run_idle();
    else if (options.mode == CROWD) run_crowd();
    else run_load();
    return 0;
}
