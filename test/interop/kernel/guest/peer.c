/*
 * An SCTP peer whose stack is the Linux kernel's: the program that runs in the virtual machine. Driven by
 * numbered lines on the serial port that is its argument ("7 send 0 ..."), it answers each with one JSON
 * line ({"reply":7,...}); what happens besides is reported as {"event":...}.
 *
 * gcc -O2 -Wall -Wextra -Werror -static -o peer peer.c
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <termios.h>

#include "commands.h"

#define LINE_BYTES 2048u
#define ENDED_POLL_MS 20

static void read_commands(int fd) {
	static char line[LINE_BYTES];
	static size_t used;
	char part[256];
	ssize_t length = read(fd, part, sizeof part);
	for (ssize_t at = 0; at < length; at++) {
		if (part[at] != '\n') {
			if (used < sizeof line - 1) {
				line[used++] = part[at];
			}
			continue;
		}
		line[used] = '\0';
		if (used > 0) {
			carry_out(line);
		}
		used = 0;
	}
}

static void accept_all(struct peer_socket *listener) {
	int fd;
	while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct peer_socket *each = keep_socket(fd, false);
		if (each == NULL) {
			return;
		}
		each->echoes = listener->echoes;
		open_event(each, "accepted");
		say(",\"listener\":%u}", index_of(listener));
		end_line();
	}
}

static void serve(struct peer_socket *each, short happened) {
	if (each->listening) {
		accept_all(each);
		return;
	}
	if ((happened & POLLOUT) && each->echo.bytes != NULL) {
		pump_echo(each);
	} else if (happened & POLLOUT) {
		pump(each);
	}
	unsigned int budget = 64;
	while (each->used && each->echo.bytes == NULL && budget-- > 0 && receive(each)) {
	}
}

static int open_channel(const char *path) {
	int fd = open(path, O_RDONLY | O_NOCTTY);
	struct termios raw;
	if (fd < 0 || tcgetattr(fd, &raw) < 0) {
		perror(path);
		exit(1);
	}
	cfmakeraw(&raw);
	cfsetspeed(&raw, B115200);
	tcsetattr(fd, TCSANOW, &raw);
	channel = fopen(path, "w");
	return fd;
}

int main(int argc, char **argv) {
	int commands = open_channel(argc > 1 ? argv[1] : "/dev/tty");
	say("{\"event\":\"ready\"}");
	end_line();
	while (true) {
		bool any_ended = false;
		struct pollfd polled[MAX_SOCKETS + 1] = {{.fd = commands, .events = POLLIN}};
		for (unsigned int at = 0; at < MAX_SOCKETS; at++) {
			struct peer_socket *each = &sockets[at];
			bool sends = each->load.left > 0 || each->echo.bytes != NULL;
			bool reads = each->echo.bytes == NULL;
			any_ended = any_ended || (each->used && each->ended);
			polled[at + 1].fd = each->used && !each->ended ? each->fd : -1;
			polled[at + 1].events = (short)((reads ? POLLIN : 0) | (sends ? POLLOUT : 0));
		}
		/* A socket at its end is always readable, so it is asked for the last notifications by the clock. */
		if (poll(polled, MAX_SOCKETS + 1, any_ended ? ENDED_POLL_MS : -1) < 0) {
			continue;
		}
		for (unsigned int at = 0; at < MAX_SOCKETS; at++) {
			if (sockets[at].used && sockets[at].ended) {
				receive(&sockets[at]);
			}
			if (polled[at + 1].revents != 0 && sockets[at].used) {
				serve(&sockets[at], polled[at + 1].revents);
			}
		}
		if (polled[0].revents != 0) {
			read_commands(commands);
		}
	}
}
