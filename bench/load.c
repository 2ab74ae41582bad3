// The load generator of the benchmark: one thread, epoll, MQTT 3.1.1 and 5, loopback only. C, because it must cost less per
// message than any broker that it measures. bench/load-generator.ts compiles and runs it: cc -O2 -o load load.c
//
//   pair       publisher n -> topic n -> subscriber n
//   broadcast  every publisher -> one topic -> every subscriber
//   fanin      publisher n -> topic n -> every subscriber, by one wildcard
//   share      publisher n -> topic n -> whichever of the subscribers, which are one group: `$share/workers/...`
//   queue      as share, but they are the consumers of the queue `bench`, which the broker must have: `$queue/bench`
//   queue-stall  as queue at a --rate; in every second slice of time there is one more consumer, which never reads. It leaves
//              with its slice, and what it held must come
//   queue-fill   publisher n -> topic n, without any consumer: what counts is what the broker acknowledges, as in away
//   queue-drain  consumers fetch the --messages messages that --publishers publishers of queue-fill have left
//   stall      as pair, beside one more connection that subscribes to `#` and never reads
//   away       as pair, but the subscribers have persistent sessions and leave first: what counts is what the broker
//              acknowledges, and the latency is the wait for PUBACK; all that was sent is acknowledged in the end
//   return     the subscribers of `away` (same --id) come back and fetch --messages messages; no publishers
//   probe      as pair until stdin closes; each line on stdin ends a phase, whose numbers are a line on stdout
//   bridge-drain  fetches from an upstream at --subscriber-port, once a bridge brings them, the --messages messages that
//              --publishers publishers of queue-fill have left at --port; meanwhile --rate live messages per second take the
//              same way, and it is their latency. A line on stdout says that it has subscribed
//   crowd      --subscribers connections at once: each subscribes to its own topic and publishes one message to it
//   idle       --subscribers connections that stay until stdin closes
//   relay      not a load but the cheapest possible broker, on --port until stdin closes: shows the generator's ceiling
//
// The loop is closed: at most --window messages are on their way, so a slow broker is measured, not drowned. With
// --rate messages per second it is open: what the broker does cannot slow the sending (--window still bounds it).
// Publishers take turns, --burst messages each. A broker that drops does not end the loop: see `settled` in client.h.
// --protocol 3.1.1, 5 or mixed (of each role every second connection, from the first on, speaks 5). In 5 no packet has
// properties but for: --properties N, so many user properties and a content type on each publish, which must arrive; and
// --topic-aliases 1, an alias for the topic of each publisher, and the broker may use some too.
// --subscriber-port and --subscriber-qos: of the subscribers, where they are behind a bridge (default: as the publishers).
// --keys N: the last level of each topic is one of N keys, in turn; for the modes of queues.
// --messages ends a load before its time; --persistent 1 gives the subscribers of any load sessions that stay.
// The last line on stdout is one JSON object. Exit codes: 2 usage, 3 refused or cannot connect, 4 the broker closed a
// connection or broke the protocol, 5 nothing arrives any more; the reason is the last line on stderr.
#include "load/bridge.h"
#include "load/loop.h"
#include "load/open.h"
#include "load/relay.h"

static void run_crowd(void) {
    uint64_t started = now_ns();
    open_all(SUBSCRIBER, options.subscribers);
    uint64_t opened = now_ns();
    measuring = true;
    for (int i = 0; i < connection_count; i++) send_publish(connections[i]);
    flush_dirty();
    drain();
    printf("{\"mode\":\"crowd\",\"connections\":%d,\"openMs\":%.1f,\"exchangeMs\":%.1f,\"lost\":%ld}\n",
           connection_count, (opened - started) / 1e6, latencies.max_ns / 1e6, total.sent - total.received);
}

// Those who left come back, or consumers come to a queue. A session that is gone is not waited for, nor is a message that
// does not come for 5 s.
static void run_return(void) {
    uint64_t started = now_ns(), last_arrival = started;
    open_all(SUBSCRIBER, options.subscribers);
    bool awaited = options.mode == QUEUE_DRAIN || sessions_present > 0;
    for (long before = -1; awaited && total.received < options.messages; pump(10 * NS_PER_MS)) {
        if (total.received != before) last_arrival = now_ns();
        else if (now_ns() - last_arrival > STALLED_AFTER) break;
        before = total.received;
    }
    uint64_t ended = total.received < options.messages ? last_arrival : now_ns();
    double seconds = (ended - started) / 1e9;
    leave_all(SUBSCRIBER);
    printf("{\"mode\":\"%s\",\"deliveriesPerSecond\":%.1f,\"sessionsPresent\":%d,\"received\":%ld,\"lost\":%ld,"
           "\"outOfOrder\":%ld}\n", mode_names[options.mode], total.received > 0 ? total.received / seconds : 0,
           sessions_present, total.received, options.messages - total.received, total.out_of_order);
}

static void run_probe(void) {
    // It measures how late the broker is: it must not be late itself because the machine is busy. Only root may.
    setpriority(PRIO_PROCESS, 0, -10);
    open_all(PUBLISHER, options.publishers);
    open_all(SUBSCRIBER, options.subscribers);
    printf("{\"mode\":\"probe\"}\n");
    fflush(stdout);
    watch_stdin();
    uint64_t started = now_ns(), wait_ns;
    measuring = true;
    for (int phases = 0; !stdin_closed;) {
        int count = send_due(started, now_ns(), &wait_ns);
        pump(count > 0 ? 0 : wait_ns);
        check_progress(now_ns());
        for (; phases < stdin_lines; phases++) {
            printf("{\"mode\":\"probe\",");
            print_latencies();
            printf("\"sent\":%ld,\"received\":%ld}\n", total.sent, total.received);
            fflush(stdout);
            forget_latencies();
        }
    }
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
    struct sockaddr_in address = loopback(options.port);
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

static void check_options(void) {
    if (options.mode == MODES) {
        die(2, "--mode is missing: pair, broadcast, fanin, share, queue, queue-stall, queue-fill, queue-drain, stall, away, "
               "return, probe, bridge-drain, crowd, idle or relay");
    }
    if (options.qos < 0 || options.qos > 1) die(2, "--qos must be 0 or 1");
    if (options.subscriber_qos < 0) options.subscriber_qos = options.qos;
    if (options.publishers < 1 || options.subscribers < 1) die(2, "--publishers and --subscribers must be at least 1");
    if (options.window < 1 || options.window > 60000) die(2, "--window must be 1 to 60000: packet ids must not meet");
    if (options.rate < 0 || options.burst < 1) die(2, "--rate must not be negative, --burst must be at least 1");
    if (options.payload_bytes < STAMP_BYTES || options.payload_bytes > 65536) {
        die(2, "--payload-bytes must be %d to 65536", STAMP_BYTES);
    }
    if (options.properties < 0 || options.properties > PROPERTIES_MAX) {
        die(2, "--properties must be 0 to %d", PROPERTIES_MAX);
    }
    if (options.protocol == V311 && (options.properties > 0 || options.topic_aliases)) {
        die(2, "--properties and --topic-aliases need --protocol 5");
    }
    if (options.mode == AWAY || options.mode == RETURN) {
        if (options.qos == 0 || options.id == 0) die(2, "away and return need --qos 1 and an --id");
        options.persistent = 1;
    }
    bool queue = options.mode >= QUEUE && options.mode <= QUEUE_DRAIN;
    if (options.keys < 0 || options.keys > KEYS_MAX) die(2, "--keys must be 0 to %d", KEYS_MAX);
    if (options.keys > 0 && (!queue || options.topic_aliases)) die(2, "--keys needs a queue, and no --topic-aliases");
    if ((options.mode == QUEUE_STALL || options.mode == QUEUE_FILL) && options.qos == 0) {
        die(2, "queue-stall and queue-fill need --qos 1: without acknowledgements nothing is held or counted");
    }
    if (options.mode == QUEUE_STALL && options.rate == 0) die(2, "queue-stall needs a --rate");
    if (options.mode == QUEUE_DRAIN && options.messages == 0) die(2, "queue-drain needs --messages");
    if (options.mode == BRIDGE_DRAIN && (options.messages == 0 || options.rate == 0 || options.subscriber_port == 0)) {
        die(2, "bridge-drain needs --messages, a --rate and a --subscriber-port");
    }
    bool pairs = options.mode == PAIR || options.mode == STALL || options.mode == AWAY || options.mode == PROBE;
    if (pairs && options.publishers != options.subscribers) {
        die(2, "pairs need as many publishers as subscribers");
    }
}

static void parse_options(int count, char **arguments) {
    const struct { const char *name; int *value; } numbers[] = {
        {"--port", &options.port}, {"--publishers", &options.publishers}, {"--subscribers", &options.subscribers},
        {"--qos", &options.qos}, {"--payload-bytes", &options.payload_bytes}, {"--window", &options.window},
        {"--rate", &options.rate}, {"--burst", &options.burst}, {"--warmup-ms", &options.warmup_ms},
        {"--measure-ms", &options.measure_ms},
        {"--messages", &options.messages}, {"--persistent", &options.persistent}, {"--id", &options.id},
        {"--properties", &options.properties}, {"--topic-aliases", &options.topic_aliases},
        {"--keys", &options.keys}, {"--broker-pid", &options.broker_pid},
        {"--subscriber-port", &options.subscriber_port}, {"--subscriber-qos", &options.subscriber_qos}};
    const struct { const char *name; enum protocol value; } protocols[] = {{"3.1.1", V311}, {"5", V5}, {"mixed", MIXED}};
    options.mode = MODES;
    for (int i = 1; i + 1 < count; i += 2) {
        bool known = false;
        for (size_t n = 0; n < sizeof numbers / sizeof numbers[0]; n++) {
            if (strcmp(arguments[i], numbers[n].name) != 0) continue;
            *numbers[n].value = atoi(arguments[i + 1]);
            known = true;
        }
        for (size_t n = 0; n < 3 && strcmp(arguments[i], "--protocol") == 0; n++) {
            if (strcmp(arguments[i + 1], protocols[n].name) == 0) known = true, options.protocol = protocols[n].value;
        }
        for (int mode = 0; mode < MODES && strcmp(arguments[i], "--mode") == 0; mode++) {
            if (strcmp(arguments[i + 1], mode_names[mode]) == 0) known = true, options.mode = mode;
        }
        if (!known) die(2, "unknown option %s %s", arguments[i], arguments[i + 1]);
    }
    if (count % 2 == 0) die(2, "option %s has no value", arguments[count - 1]);
    check_options();
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
    else if (options.mode == RETURN || options.mode == QUEUE_DRAIN) run_return();
    else if (options.mode == PROBE) run_probe();
    else if (options.mode == BRIDGE_DRAIN) run_bridge_drain();
    else run_load();
    return 0;
}
