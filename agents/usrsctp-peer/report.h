/* What the program says: one JSON object a line on stdout, records gathered for at most 20 ms. */
#ifndef UNDERSTUDY_REPORT_H
#define UNDERSTUDY_REPORT_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "message.h"

#define REPORT_EVERY_US 20000u
#define REPORT_BYTES 65536u
/* No record is longer: texts are ours and short, addresses have at most 46 characters. */
#define RECORD_BYTES 1024u

static char report_batch[REPORT_BYTES];
static size_t report_length;
static uint64_t report_since_us;

static uint64_t epoch_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* For pacing and deadlines, which a change of the wall clock must not move. */
static uint64_t steady_us(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static void write_all(const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t written = write(STDOUT_FILENO, bytes, length);
		if (written < 0) {
			if (errno == EINTR) {
				continue;
			}
			/* Nobody listens any more, so there is nobody to tell. */
			_exit(1);
		}
		bytes += written;
		length -= (size_t)written;
	}
}

static void report_flush(void) {
	if (report_length == 0) {
		return;
	}
	static const char head[] = "{\"type\":\"records\",\"records\":[";
	write_all(head, sizeof head - 1);
	write_all(report_batch, report_length);
	write_all("]}\n", 3);
	report_length = 0;
}

/* Microseconds until the batch is due; at most `longest_us`. */
static uint64_t report_due_us(uint64_t longest_us) {
	if (report_length == 0) {
		return longest_us;
	}
	uint64_t age = steady_us() - report_since_us;
	uint64_t left = age >= REPORT_EVERY_US ? 0 : REPORT_EVERY_US - age;
	return left < longest_us ? left : longest_us;
}

__attribute__((format(printf, 1, 2))) static void report_record(const char *format, ...) {
	if (report_length + RECORD_BYTES + 1 > REPORT_BYTES) {
		report_flush();
	}
	if (report_length == 0) {
		report_since_us = steady_us();
	} else {
		report_batch[report_length++] = ',';
	}
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(report_batch + report_length, RECORD_BYTES, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= RECORD_BYTES) {
		abort();
	}
	report_length += (size_t)length;
}

static void report_message(bool sent, struct message_header header, size_t size, bool intact, uint64_t at_us) {
	report_record("{\"kind\":\"message\",\"at\":%llu,\"act\":\"%s\",\"flow\":\"%s\",\"streamId\":%u,"
	              "\"number\":%u,\"sizeBytes\":%zu,\"intact\":%s}",
	              (unsigned long long)at_us, sent ? "sent" : "delivered", flow_names[header.flow], header.stream,
	              header.number, size, intact ? "true" : "false");
}

/* `detail` is the inside of a JSON object; both texts are ours and need no escapes. */
static void report_event(const char *name, const char *text, const char *detail) {
	report_record("{\"kind\":\"event\",\"at\":%llu,\"name\":\"%s\",\"text\":\"%s\",\"detail\":{%s}}",
	              (unsigned long long)epoch_us(), name, text, detail);
}

/* One line of its own, after the records that came before it. */
__attribute__((format(printf, 1, 2))) static void report_line(const char *format, ...) {
	char line[RECORD_BYTES];
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(line, sizeof line - 1, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof line - 1) {
		abort();
	}
	line[length] = '\n';
	report_flush();
	write_all(line, (size_t)length + 1);
}

/* An operator's mistake or a fault of the machine: one clear sentence, which must need no escapes. */
#define report_error(...) report_line("{\"type\":\"error\",\"message\":\"" __VA_ARGS__)

#endif
