/* What the peer says: one JSON object a line on the command channel. */
#ifndef KERNEL_PEER_REPLY_H
#define KERNEL_PEER_REPLY_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static FILE *channel;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	vfprintf(channel, format, arguments);
	va_end(arguments);
}

/* As the inside of a JSON string; bytes that are not ASCII become question marks. */
static void say_escaped(const char *text, size_t length) {
	for (size_t at = 0; at < length; at++) {
		unsigned char byte = (unsigned char)text[at];
		if (byte == '"' || byte == '\\') {
			say("\\%c", byte);
		} else if (byte == '\n') {
			say("\\n");
		} else if (byte == '\t') {
			say(" ");
		} else if (byte < 32 || byte > 126) {
			say("?");
		} else {
			say("%c", byte);
		}
	}
}

static void end_line(void) {
	fputc('\n', channel);
	fflush(channel);
}

/* The number of the command that is being answered. */
static unsigned int answering;

__attribute__((format(printf, 1, 2))) static void fail(const char *format, ...) {
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	say("{\"reply\":%u,\"error\":\"", answering);
	say_escaped(text, strlen(text));
	say("\"}");
	end_line();
}

static void answer_done(void) {
	say("{\"reply\":%u}", answering);
	end_line();
}

/* Answers a command by how a system call went. */
static void answer_call(int result, const char *what) {
	if (result < 0) {
		fail("%s: %s", what, strerror(errno));
	} else {
		answer_done();
	}
}

#endif
