// Opening and leaving: connections by role, until the broker has accepted all of them or has let all of them go.
#ifndef BENCH_LOAD_OPEN_H
#define BENCH_LOAD_OPEN_H
#include "client.h"

static void watch_stdin(void) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    // A regular file or /dev/null cannot be watched; it is at its end already.
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0) stdin_closed = true;
}

static struct sockaddr_in loopback(int port) {
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void open_one(enum role role, int index) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die(3, "socket: %s (connection %d; raise the limit of open files)", strerror(errno), connection_count);
    int small = 4096; // the less the kernel takes for it, the sooner the broker feels that nobody reads
    if (role == STALLED) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    int port = role == SUBSCRIBER && options.subscriber_port > 0 ? options.subscriber_port : options.port;
    struct sockaddr_in address = loopback(port);
    if (connect(fd, (void *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        die(3, "cannot connect to port %d: %s", port, strerror(errno));
    }
    struct connection *c = add_connection(fd, role, index);
    c->port = port;
    c->version = version_of(index);
    if (role == SUBSCRIBER) c->seen = must(calloc(hears_all() ? options.publishers : 1, sizeof *c->seen));
    if (role == PUBLISHER || options.mode == CROWD) prepare_frame(c, true);
    if (role == PUBLISHER && (options.mode == AWAY || options.mode == QUEUE_FILL)) c->sent_at = must(calloc(65536, sizeof *c->sent_at));
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

// The polite way out, so that the broker has handled all that was sent before: it closes the connection, not we.
static void leave_all(enum role role) {
    uint64_t deadline = now_ns() + OPEN_TIMEOUT;
    int open = 0;
    for (int i = 0; i < connection_count; i++) {
        if (connections[i]->role != role) continue;
        put(connections[i], "\xe0\0", 2);
        connections[i]->role = LEAVING;
    }
    do {
        flush_dirty();
        pump(10 * NS_PER_MS);
        open = 0;
        for (int i = 0; i < connection_count; i++) open += connections[i]->role == LEAVING && connections[i]->fd >= 0;
        if (now_ns() > deadline) die(3, "the broker does not close %d connections that sent DISCONNECT", open);
    } while (open > 0);
}

#endif
