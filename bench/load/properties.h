// The properties of MQTT 5, read with all care that a client owes a broker: lengths that do not fit end the run.
#ifndef BENCH_LOAD_PROPERTIES_H
#define BENCH_LOAD_PROPERTIES_H
#include "base.h"

enum property_id {
    PAYLOAD_FORMAT = 0x01, MESSAGE_EXPIRY = 0x02, CONTENT_TYPE = 0x03, RESPONSE_TOPIC = 0x08, CORRELATION_DATA = 0x09,
    SUBSCRIPTION_ID = 0x0b, SESSION_EXPIRY = 0x11, RECEIVE_MAXIMUM = 0x21, TOPIC_ALIAS_MAXIMUM = 0x22,
    TOPIC_ALIAS = 0x23, MAXIMUM_QOS = 0x24, USER_PROPERTY = 0x26, MAXIMUM_PACKET_SIZE = 0x27
};

// What follows each id: 1, 2 or 4 bytes of number, v a variable byte integer, s a string or binary data, p two strings.
static const char property_forms[] = {
    [0x01] = '1', [0x02] = '4', [0x03] = 's', [0x08] = 's', [0x09] = 's', [0x0b] = 'v', [0x11] = '4',
    [0x12] = 's', [0x13] = '2', [0x15] = 's', [0x16] = 's', [0x17] = '1', [0x18] = '4', [0x19] = '1',
    [0x1a] = 's', [0x1c] = 's', [0x1f] = 's', [0x21] = '2', [0x22] = '2', [0x23] = '2', [0x24] = '1',
    [0x25] = '1', [0x26] = 'p', [0x27] = '4', [0x28] = '1', [0x29] = '1', [0x2a] = '1'};

struct properties {
    const uint8_t *at, *end;
};

struct property {
    int id;
    uint32_t number; // of those that are numbers
};

__attribute__((noreturn)) static void malformed_properties(void) {
    die(4, "the broker sent malformed properties");
}

static uint32_t read_number(const uint8_t **at, const uint8_t *end, int bytes) {
    if (end - *at < bytes) malformed_properties();
    uint32_t number = 0;
    while (bytes-- > 0) number = number << 8 | *(*at)++;
    return number;
}

static uint32_t read_variable(const uint8_t **at, const uint8_t *end) {
    uint32_t number = 0;
    for (int shift = 0; shift <= 21; shift += 7) {
        uint8_t digit = read_number(at, end, 1);
        number |= (uint32_t)(digit & 127) << shift;
        if (digit < 128) return number;
    }
    malformed_properties();
}

static void skip_string(const uint8_t **at, const uint8_t *end) {
    uint32_t length = read_number(at, end, 2);
    if (end - *at < length) malformed_properties();
    *at += length;
}

// The properties that begin at `at`; `.end` is where they end, and the packet goes on.
static struct properties properties_at(const uint8_t *at, const uint8_t *packet_end) {
    uint32_t length = read_variable(&at, packet_end);
    if (packet_end - at < length) malformed_properties();
    return (struct properties){at, at + length};
}

static bool next_property(struct properties *all, struct property *property) {
    if (all->at == all->end) return false;
    property->id = read_variable(&all->at, all->end);
    property->number = 0;
    char form = (size_t)property->id < sizeof property_forms ? property_forms[property->id] : 0;
    switch (form) {
    case '1': case '2': case '4':
        property->number = read_number(&all->at, all->end, form - '0');
        break;
    case 'v':
        property->number = read_variable(&all->at, all->end);
        break;
    case 'p':
        skip_string(&all->at, all->end);
        skip_string(&all->at, all->end);
        break;
    case 's':
        skip_string(&all->at, all->end);
        break;
    default:
        die(4, "the broker sent a property 0x%02x, which does not exist", property->id);
    }
    return true;
}

#endif
