// Connections and the bytes on them: non-blocking sockets, one epoll, frames cut from what arrives.
#ifndef BENCH_LOAD_CONNECTION_H
#define BENCH_LOAD_CONNECTION_H
#include "base.h"

enum role { PUBLISHER, SUBSCRIBER, STALLED, HELD, ACCEPTED, LEAVING };
enum packet { CONNECT = 1, CONNACK, PUBLISH, PUBACK, SUBSCRIBE = 8, SUBACK, DISCONNECT = 14 };

struct buffer {
    uint8_t *bytes;
    size_t start, end, capacity;
};

struct connection {
    int fd, port, index;        // index among the connections of its role
    int version;                // of its MQTT: V311 or V5
    enum role role;
    bool ready, dirty, waits_for_room;
    struct buffer out, rest;    // rest: the frame whose end has not arrived
    uint8_t *frame;             // publisher: its whole PUBLISH; packet id and stamp are written into it
    size_t frame_bytes, id_at, stamp_at, key_at;
    bool introduces_alias;      // its frame names both topic and alias: the next ones will do with the alias
    uint16_t packet_id;
    int unacknowledged, receive_max; // publisher: how many of its messages at QoS 1 wait, and may wait, for PUBACK
    uint32_t sent;              // publisher: the sequence of its last message
    uint64_t *sent_at;          // publisher to the absent: when each packet id was sent, for the wait for its PUBACK
    uint32_t *seen;             // subscriber: the highest sequence that it got from each publisher
    long settled, forgiven;     // subscriber: how many messages it got or missed, and how many were written off
    uint32_t aliases;           // subscriber: a bit for each topic alias that the broker has introduced
    uint32_t written_off;       // publisher to workers: up to which sequence all that was missing is written off
    char *filter;               // relay: what it subscribed to
    bool shares;                // relay: as one of a group
    unsigned turn;              // relay: whose turn it is among those who share
    struct connection **receivers; // relay: who gets what it publishes
    int receiver_count;
};

static struct connection **connections;
static int connection_count, ready_count, epoll_fd, listen_fd = -1;
static struct connection **dirty;
static int dirty_count, dirty_capacity;
static uint8_t incoming[READ_BYTES + FRAME_BYTES_MAX];
static bool stdin_closed;
static int stdin_lines;

// client.h and relay.h: what a whole frame means to a connection, and what whole frames of one read mean to the relay.
static void on_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length,
                      uint64_t arrived);
static void relay_packet(struct connection *c, const uint8_t *frame, const uint8_t *body, size_t length);
static void relay_chunk(struct connection *c, const uint8_t *chunk, size_t length);

// ---- bytes out: whatever one round of the loop produces for a connection leaves in one write

static void reserve(struct buffer *b, size_t need) {
    if (b->start == b->end) b->start = b->end = 0;
    if (b->end + need <= b->capacity) return;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity < b->end + need) capacity *= 2;
    b->bytes = must(realloc(b->bytes, capacity));
    b->capacity = capacity;
}

static void put(struct connection *c, const void *bytes, size_t length) {
    if (c->fd < 0) return;
    reserve(&c->out, length);
    memcpy(c->out.bytes + c->out.end, bytes, length);
    c->out.end += length;
    if (c->dirty) return;
    c->dirty = true;
    if (dirty_count == dirty_capacity) {
        dirty_capacity = dirty_capacity ? dirty_capacity * 2 : 256;
        dirty = must(realloc(dirty, dirty_capacity * sizeof *dirty));
    }
    dirty[dirty_count++] = c;
}

static void drop_connection(struct connection *c) {
    if (options.mode != RELAY && c->role != LEAVING) {
        die(4, "the broker closed connection %d of %s", c->index, c->role == PUBLISHER ? "publishers" : "subscribers");
    }
    close(c->fd);
    c->fd = -1;
}

static void flush(struct connection *c) {
    while (c->fd >= 0 && c->out.start < c->out.end) {
        ssize_t n = send(c->fd, c->out.bytes + c->out.start, c->out.end - c->out.start, MSG_NOSIGNAL);
        if (n >= 0) c->out.start += n;
        else if (errno == EAGAIN) break;
        else if (errno == ECONNREFUSED) die(3, "nothing listens on port %d", c->port);
        else drop_connection(c);
    }
    bool waits = c->out.start < c->out.end;
    if (c->fd < 0 || waits == c->waits_for_room) return;
    c->waits_for_room = waits;
    struct epoll_event event = {.events = EPOLLIN | (waits ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void flush_dirty(void) {
    for (int i = 0; i < dirty_count; i++) {
        dirty[i]->dirty = false;
        flush(dirty[i]);
    }
    dirty_count = 0;
}

// ---- bytes in

// Returns how many of the bytes were whole frames.
static size_t on_bytes(struct connection *c, const uint8_t *bytes, size_t length, uint64_t arrived) {
    size_t at = 0;
    while (length - at >= 2) {
        size_t remaining = 0, i = at + 1;
        int shift = 0;
        uint8_t digit;
        do {
            if (i == length) return at;
            if (shift > 21) die(4, "the broker sent a malformed remaining length");
            digit = bytes[i++];
            remaining |= (size_t)(digit & 127) << shift;
            shift += 7;
        } while (digit & 128);
        if (remaining > FRAME_BYTES_MAX - 5) die(4, "the broker sent a frame of %zu bytes", remaining);
        if (length - i < remaining) return at;
        if (c->role == ACCEPTED) relay_packet(c, bytes + at, bytes + i, remaining);
        else on_packet(c, bytes + at, bytes + i, remaining, arrived);
        at = i + remaining;
    }
    return at;
}

static void on_readable(struct connection *c) {
    size_t had = c->rest.end;
    if (had > 0) memcpy(incoming, c->rest.bytes, had);
    ssize_t n = recv(c->fd, incoming + had, READ_BYTES, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0 && errno == ECONNREFUSED) die(3, "nothing listens on port %d", c->port);
    if (n <= 0) {
        drop_connection(c);
        return;
    }
    // One look at the clock per read: from here on the message is with its subscriber.
    size_t length = had + n, done = on_bytes(c, incoming, length, now_ns());
    if (c->role == ACCEPTED) relay_chunk(c, incoming, done);
    c->rest.start = c->rest.end = 0;
    if (done == length) return;
    reserve(&c->rest, length - done);
    memcpy(c->rest.bytes, incoming + done, length - done);
    c->rest.end = length - done;
}

static struct connection *add_connection(int fd, enum role role, int index) {
    connections = must(realloc(connections, (connection_count + 1) * sizeof *connections));
    struct connection *c = connections[connection_count++] = must(calloc(1, sizeof *c));
    c->fd = fd;
    c->role = role;
    c->index = index;
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die(1, "epoll_ctl: %s", strerror(errno));
    return c;
}

static void pump(uint64_t wait_ns) {
    struct epoll_event events[256];
    // epoll counts in milliseconds; an open loop needs to wake between them.
    if (wait_ns > 0 && wait_ns < NS_PER_MS) {
        struct pollfd ready = {.fd = epoll_fd, .events = POLLIN};
        ppoll(&ready, 1, &(struct timespec){.tv_nsec = wait_ns}, NULL);
        wait_ns = 0;
    }
    int n = epoll_wait(epoll_fd, events, 256, wait_ns / NS_PER_MS);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (c == NULL) { // stdin
            char text[64];
            ssize_t length = read(STDIN_FILENO, text, sizeof text);
            if (length <= 0) stdin_closed = true;
            for (ssize_t at = 0; at < length; at++) stdin_lines += text[at] == '\n';
        } else if ((void *)c == (void *)&listen_fd) {
            int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK);
            if (fd >= 0) add_connection(fd, ACCEPTED, connection_count);
        } else if (c->fd >= 0) {
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
            if (events[i].events & EPOLLOUT) flush(c);
        }
    }
    flush_dirty();
}

#endif
