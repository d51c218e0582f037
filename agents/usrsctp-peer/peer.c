/*
 * An outside computer whose SCTP stack nobody here wrote: Debian's libusrsctp over UDP encapsulation
 * (RFC 6951). Driven by lines on stdin (connect, load RATE SIZE STREAMS, stop, clock ID, shutdown, quit), it
 * reports JSON lines on stdout. With --listen it plays the cluster's side of a test.
 *
 * gcc -O2 -Wall -Wextra -Werror -o usrsctp-peer peer.c -lusrsctp -lpthread
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include "traffic.h"

#define LINE_BYTES 256u
#define LONGEST_WAIT_US 20000u
#define CLOSING_US 1000000u

static bool running = true;
static bool totals_wanted;
static bool shutdown_wanted;

static void start_connecting(void) {
	if (options.listen) {
		report_error("connect makes no sense with --listen: the other side connects\"}");
		return;
	}
	struct sockaddr_storage remote = options.remote;
	int answer = usrsctp_connect(socket_open, (struct sockaddr *)&remote, address_length(&remote));
	if (answer != 0 && errno != EINPROGRESS) {
		report_error("cannot connect to %s: %s\"}", options.remote_text, strerror(errno));
	}
}

static void start_load(const char *arguments) {
	unsigned int rate;
	unsigned int size;
	unsigned int streams;
	char rest;
	if (sscanf(arguments, "%u %u %u %c", &rate, &size, &streams, &rest) != 3 || rate < 1 || rate > 1000000 ||
	    size < MESSAGE_MIN || size > MESSAGE_MAX || streams < 1 || streams > MAX_STREAMS) {
		report_error("load takes RATE (1 to 1000000), SIZE (24 to 65536) and STREAMS (1 to %d)\"}", MAX_STREAMS);
		return;
	}
	if (!association_up || streams > outbound_streams) {
		report_error("load over %u streams is not possible: the association %s (%u streams)\"}", streams,
		             association_up ? "has fewer" : "is not up", outbound_streams);
		return;
	}
	load.on = true;
	load.interval_ns = 1000000000u / rate;
	load.due_ns = steady_us() * 1000u;
	load.size = size;
	load.streams = streams;
	load.turn = 0;
	totals_wanted = false;
	char detail[128];
	snprintf(detail, sizeof detail, "\"rate\":%u,\"sizeBytes\":%u,\"streams\":%u", rate, size, streams);
	report_event("load-started", "The load is on.", detail);
}

static void obey(const char *line) {
	unsigned int id;
	if (strcmp(line, "connect") == 0) {
		start_connecting();
	} else if (strncmp(line, "load ", 5) == 0) {
		start_load(line + 5);
	} else if (strcmp(line, "stop") == 0) {
		if (load.on) {
			report_event("load-stopped", "The load is off.", "");
		}
		load.on = false;
		totals_wanted = true;
	} else if (sscanf(line, "clock %u", &id) == 1) {
		report_line("{\"type\":\"clock\",\"id\":%u,\"atUs\":%llu}", id, (unsigned long long)epoch_us());
	} else if (strcmp(line, "shutdown") == 0) {
		load.on = false;
		shutdown_wanted = true;
	} else if (strcmp(line, "quit") == 0) {
		running = false;
	} else if (line[0] != '\0') {
		report_error("unknown command; there are connect, load RATE SIZE STREAMS, stop, clock ID, shutdown, quit\"}");
	}
}

static void read_commands(void) {
	static char line[LINE_BYTES];
	static size_t length;
	char bytes[LINE_BYTES];
	ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
	if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
		return;
	}
	if (got <= 0) {
		running = false;
		return;
	}
	for (ssize_t at = 0; at < got && running; at++) {
		if (bytes[at] != '\n') {
			/* What is longer than any command is cut; it is then an unknown one. */
			if (length < sizeof line - 1) {
				line[length++] = bytes[at];
			}
			continue;
		}
		line[length] = '\0';
		length = 0;
		obey(line);
	}
}

static void accept_association(void) {
	struct socket *accepted = usrsctp_accept(socket_listening, NULL, NULL);
	if (accepted == NULL) {
		return;
	}
	if (socket_open != NULL) {
		usrsctp_close(accepted);
		return;
	}
	socket_open = accepted;
	usrsctp_set_non_blocking(accepted, 1);
	usrsctp_set_upcall(accepted, wake, NULL);
	/* The notification of the establishment may have gone to the listening socket. */
	struct sctp_status status = {0};
	socklen_t length = sizeof status;
	if (subscribe(accepted) &&
	    usrsctp_getsockopt(accepted, IPPROTO_SCTP, SCTP_STATUS, &status, &length) == 0 && !association_up) {
		struct sctp_assoc_change change = {.sac_state = SCTP_COMM_UP,
		                                   .sac_outbound_streams = status.sstat_outstrms,
		                                   .sac_inbound_streams = status.sstat_instrms};
		on_association_change(&change);
	}
}

/* Sleeps until a command, a packet or the next deadline. */
static void wait_for_work(void) {
	uint64_t wait_us = report_due_us(totals_wanted || shutdown_wanted || echo_count > 0 ? 2000u : LONGEST_WAIT_US);
	if (load.on && association_up) {
		uint64_t now_ns = steady_us() * 1000u;
		uint64_t until_us = load.due_ns > now_ns ? (load.due_ns - now_ns) / 1000u + 1 : 1000u;
		wait_us = until_us < wait_us ? until_us : wait_us;
	}
	struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = wake_pipe[0], .events = POLLIN}};
	struct timespec timeout = {.tv_sec = 0, .tv_nsec = (long)wait_us * 1000};
	if (ppoll(watched, 2, &timeout, NULL) < 0) {
		return;
	}
	if (watched[1].revents != 0) {
		char drained[4096];
		if (read(wake_pipe[0], drained, sizeof drained) < 0 && errno != EAGAIN && errno != EINTR) {
			abort();
		}
	}
	if (watched[0].revents != 0) {
		read_commands();
	}
}

static void work(void) {
	if (socket_listening != NULL) {
		accept_association();
	}
	if (socket_open != NULL) {
		drain_echoes();
		receive();
		pace_load();
	}
	bool drained = (totals_wanted || shutdown_wanted) && echo_count == 0 && nothing_outstanding();
	if (totals_wanted && drained) {
		totals_wanted = false;
		report_totals();
	}
	if (shutdown_wanted && drained) {
		shutdown_wanted = false;
		if (socket_open != NULL && association_up) {
			usrsctp_shutdown(socket_open, SHUT_WR);
		}
	}
	if (report_due_us(1) == 0) {
		report_flush();
	}
}

/* An association that is still up is shut down in order, as far as a second allows. */
static void close_everything(void) {
	if (socket_open != NULL) {
		usrsctp_close(socket_open);
	}
	if (socket_listening != NULL) {
		usrsctp_close(socket_listening);
	}
	uint64_t end_us = steady_us() + CLOSING_US;
	while (usrsctp_finish() != 0 && steady_us() < end_us) {
		usleep(5000);
	}
	report_flush();
}

int main(int argc, char **argv) {
	signal(SIGPIPE, SIG_IGN);
	crc32c_prepare();
	if (!parse_options(argc, argv, &options)) {
		return 2;
	}
	if (pipe2(wake_pipe, O_NONBLOCK | O_CLOEXEC) != 0) {
		report_error("cannot make a pipe: %s\"}", strerror(errno));
		return 1;
	}
	if (!open_association(&options)) {
		return 1;
	}
	report_line("{\"type\":\"hello\",\"version\":1,\"peer\":\"" PEER_NAME "\"}");
	while (running) {
		wait_for_work();
		work();
	}
	close_everything();
	return 0;
}
