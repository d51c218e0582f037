/*
 * The numbered test message, all numbers big-endian:
 *
 *   0  u32 magic "USTY"      4 u8 flow (0 up, 1 down, 2 echo)   5 u8 zero   6 u16 stream
 *   8  u32 number           12 u32 CRC32c of the whole message with this field zero
 *  16  u64 sent at, epoch microseconds
 *  24  filler: byte i is (number + i) & 0xff
 */
#ifndef UNDERSTUDY_MESSAGE_H
#define UNDERSTUDY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MESSAGE_MAGIC 0x55535459u
#define MESSAGE_MIN 24
#define MESSAGE_MAX 65536

enum flow { FLOW_UP, FLOW_DOWN, FLOW_ECHO, FLOW_COUNT };

static const char *const flow_names[FLOW_COUNT] = {"up", "down", "echo"};

struct message_header {
	enum flow flow;
	uint16_t stream;
	uint32_t number;
};

static uint32_t crc32c_table[256];

/* Castagnoli's polynomial, bit-reversed (RFC 9260, appendix A). */
static void crc32c_prepare(void) {
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t crc = byte;
		for (int bit = 0; bit < 8; bit++) {
			crc = (crc >> 1) ^ ((crc & 1) ? 0x82f63b78u : 0);
		}
		crc32c_table[byte] = crc;
	}
}

static uint32_t crc32c_more(uint32_t crc, const uint8_t *bytes, size_t length) {
	for (size_t at = 0; at < length; at++) {
		crc = (crc >> 8) ^ crc32c_table[(crc ^ bytes[at]) & 0xff];
	}
	return crc;
}

static uint32_t message_checksum(const uint8_t *bytes, size_t length) {
	static const uint8_t zero[4];
	uint32_t crc = crc32c_more(0xffffffffu, bytes, 12);
	crc = crc32c_more(crc, zero, sizeof zero);
	return ~crc32c_more(crc, bytes + 16, length - 16);
}

static void put_u32(uint8_t *bytes, uint32_t value) {
	bytes[0] = (uint8_t)(value >> 24);
	bytes[1] = (uint8_t)(value >> 16);
	bytes[2] = (uint8_t)(value >> 8);
	bytes[3] = (uint8_t)value;
}

static uint32_t get_u32(const uint8_t *bytes) {
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* `length` is MESSAGE_MIN to MESSAGE_MAX. */
static void message_write(uint8_t *bytes, size_t length, struct message_header header, uint64_t sent_at_us) {
	put_u32(bytes, MESSAGE_MAGIC);
	bytes[4] = (uint8_t)header.flow;
	bytes[5] = 0;
	bytes[6] = (uint8_t)(header.stream >> 8);
	bytes[7] = (uint8_t)header.stream;
	put_u32(bytes + 8, header.number);
	put_u32(bytes + 16, (uint32_t)(sent_at_us >> 32));
	put_u32(bytes + 20, (uint32_t)sent_at_us);
	for (size_t at = MESSAGE_MIN; at < length; at++) {
		bytes[at] = (uint8_t)(header.number + at);
	}
	put_u32(bytes + 12, message_checksum(bytes, length));
}

/* Fills in the header as far as it can be read; true when every byte is as its sender must have made it. */
static bool message_read(const uint8_t *bytes, size_t length, uint16_t stream, struct message_header *header) {
	*header = (struct message_header){.flow = FLOW_COUNT, .stream = stream, .number = 0};
	if (length < MESSAGE_MIN || get_u32(bytes) != MESSAGE_MAGIC || bytes[4] >= FLOW_COUNT) {
		return false;
	}
	header->flow = (enum flow)bytes[4];
	header->number = get_u32(bytes + 8);
	if (length > MESSAGE_MAX || bytes[5] != 0 || ((uint16_t)bytes[6] << 8 | bytes[7]) != stream) {
		return false;
	}
	for (size_t at = MESSAGE_MIN; at < length; at++) {
		if (bytes[at] != (uint8_t)(header->number + at)) {
			return false;
		}
	}
	return get_u32(bytes + 12) == message_checksum(bytes, length);
}

#endif
