// What every part of the load generator needs: limits, options, the clock and the one way to give up.
#ifndef BENCH_LOAD_BASE_H
#define BENCH_LOAD_BASE_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define READ_BYTES (256 * 1024)
#define FRAME_BYTES_MAX (128 * 1024)
#define SEND_BATCH 256          // messages between two looks at the sockets
#define OPENING_MAX 64          // connections that wait for CONNACK or SUBACK at a time: below every broker's backlog
#define OPEN_TIMEOUT (30 * NS_PER_S)
#define WRITE_OFF_AFTER NS_PER_S // nothing arrived for so long: what is on its way is lost, the window opens again
#define STALLED_AFTER (5 * NS_PER_S)
#define DRAIN_QUIET (500 * NS_PER_MS)
#define BRIDGE_WITHIN (20 * NS_PER_S) // from the subscription behind a bridge to the first message of its backlog
#define SLICE (300 * NS_PER_MS)  // of queue-stall, with or without the stalled consumer, in turn
#define SLICES_UNMEASURED 4      // the first: floods have compilers at work that a steady rate does not warm
#define SLICE_UNREST (100 * NS_PER_MS) // its begin, when the consumer comes or goes: not measured
#define PROPERTIES_MAX 100
#define PUBLISH_PROPERTIES_BYTES_MAX 4096 // 100 of 17 bytes each, and the other two
#define ALIASES_OFFERED 31      // to the broker, for what it sends
#define KEY_DIGITS 5            // of each key, so that all frames of a publisher are equally long
#define KEYS_MAX 100000
#define STAMP_BYTES 16          // payload starts with: time sent (ns, 8 bytes), publisher (4), sequence (4)

enum mode {
    PAIR, BROADCAST, FANIN, SHARE, QUEUE, QUEUE_STALL, QUEUE_FILL, QUEUE_DRAIN, STALL, AWAY, RETURN, PROBE, BRIDGE_DRAIN,
    CROWD, IDLE, RELAY, MODES
};
static const char *const mode_names[MODES] = {
    "pair",  "broadcast", "fanin",  "share", "queue", "queue-stall", "queue-fill", "queue-drain",
    "stall", "away",      "return", "probe", "bridge-drain", "crowd", "idle",    "relay"};
enum protocol { V311 = 4, V5 = 5, MIXED }; // as CONNECT says it; mixed: connections of even index speak 5

static struct {
    enum mode mode;
    enum protocol protocol;
    int port, publishers, subscribers, qos, payload_bytes, window, rate, burst, warmup_ms, measure_ms, broker_pid;
    int messages, persistent, id, properties, topic_aliases, keys, subscriber_port, subscriber_qos;
} options = {.protocol = V311, .port = 1883, .publishers = 1, .subscribers = 1, .payload_bytes = 64, .window = 1000,
             .burst = 1, .warmup_ms = 1000, .measure_ms = 3000, .subscriber_qos = -1};

__attribute__((noreturn, format(printf, 2, 3))) static void die(int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(code);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static void *must(void *memory) {
    if (memory == NULL) die(1, "out of memory");
    return memory;
}

#endif
