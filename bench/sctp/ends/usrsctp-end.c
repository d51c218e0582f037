/*
 * One end of one measurement with Debian's libusrsctp over UDP encapsulation (RFC 6951) on loopback: receive
 * callback, default buffers, Nagle on, CRC32c on, path MTU 1500. Prints what end.ts prints.
 *
 * usrsctp-end ROLE SIZE OWN-PORT PEER-PORT RAMP-MS WINDOW-MS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <usrsctp.h>

#define SCTP_PORT 5000
/* Without IP and UDP headers 1472 bytes remain. The side that connects does not count the headers in. */
#define PATH_MTU 1500
#define PATH_MTU_CONNECTING 1460

enum role { SENDER, RECEIVER, PINGER, PONGER };

static enum role role;
static uint8_t *payload;
static size_t size;
static atomic_ulong messages;
static atomic_bool started;

static uint64_t now_us(clockid_t clock) {
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static uint64_t cpu_us(void) {
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void fail(const char *what) {
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static ssize_t send_one(struct socket *socket) {
	struct sctp_sndinfo info = {.snd_sid = 0};
	return usrsctp_sendv(socket, payload, size, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
}

static int on_receive(struct socket *socket, union sctp_sockstore from, void *data, size_t length,
                      struct sctp_rcvinfo info, int flags, void *argument) {
	(void)from;
	(void)length;
	(void)info;
	(void)argument;
	if (data == NULL) {
		return 1;
	}
	free(data);
	if ((flags & MSG_NOTIFICATION) != 0 || (flags & MSG_EOR) == 0) {
		return 1;
	}
	atomic_fetch_add_explicit(&messages, 1, memory_order_relaxed);
	atomic_store_explicit(&started, true, memory_order_relaxed);
	if (role == PINGER || role == PONGER) {
		if (send_one(socket) < 0) {
			fail("cannot answer");
		}
	}
	return 1;
}

static struct socket *open_socket(uint16_t own_port, uint16_t peer_port) {
	usrsctp_init(own_port, NULL, NULL);
	usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
	/* A socket with a callback never blocks; the sender, which receives nothing, waits for room in its send call. */
	struct socket *socket = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, role == SENDER ? NULL : on_receive,
	                                       NULL, 0, NULL);
	if (socket == NULL) {
		fail("cannot make a socket");
	}
	struct sctp_udpencaps encapsulation = {.sue_assoc_id = SCTP_FUTURE_ASSOC, .sue_port = htons(peer_port)};
	encapsulation.sue_address.ss_family = AF_INET;
	struct sctp_paddrparams path = {.spp_assoc_id = SCTP_FUTURE_ASSOC,
	                                .spp_flags = SPP_PMTUD_DISABLE,
	                                .spp_pathmtu =
	                                    role == SENDER || role == PINGER ? PATH_MTU_CONNECTING : PATH_MTU};
	path.spp_address.ss_family = AF_INET;
	if (usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation,
	                       sizeof encapsulation) != 0 ||
	    usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) != 0) {
		fail("cannot set an option");
	}
	return socket;
}

static void address_of(struct sockaddr_in *address, uint16_t port) {
	memset(address, 0, sizeof *address);
	address->sin_family = AF_INET;
	address->sin_port = htons(port);
	inet_pton(AF_INET, "127.0.0.1", &address->sin_addr);
}

struct window {
	uint64_t ramp_us;
	uint64_t window_us;
};

static void *measure(void *argument) {
	const struct window *window = argument;
	while (!atomic_load(&started)) {
		usleep(1000);
	}
	usleep((useconds_t)window->ramp_us);
	unsigned long messages_before = atomic_load(&messages);
	uint64_t cpu_before = cpu_us();
	uint64_t before = now_us(CLOCK_MONOTONIC);
	usleep((useconds_t)window->window_us);
	printf("{\"messages\":%lu,\"windowMicros\":%llu,\"cpuMicros\":%llu}\n", atomic_load(&messages) - messages_before,
	       (unsigned long long)(now_us(CLOCK_MONOTONIC) - before), (unsigned long long)(cpu_us() - cpu_before));
	fflush(stdout);
	return NULL;
}

int main(int argc, char **argv) {
	static const char *const roles[] = {"sender", "receiver", "pinger", "ponger"};
	if (argc != 7) {
		fprintf(stderr, "usage: usrsctp-end ROLE SIZE OWN-PORT PEER-PORT RAMP-MS WINDOW-MS\n");
		return 2;
	}
	while (role <= PONGER && strcmp(argv[1], roles[role]) != 0) {
		role++;
	}
	size = strtoul(argv[2], NULL, 10);
	payload = malloc(size);
	memset(payload, 0x5a, size);
	struct window window = {.ramp_us = strtoull(argv[5], NULL, 10) * 1000u,
	                        .window_us = strtoull(argv[6], NULL, 10) * 1000u};
	struct socket *socket = open_socket((uint16_t)atoi(argv[3]), (uint16_t)atoi(argv[4]));
	bool connects = role == SENDER || role == PINGER;
	struct sockaddr_in own;
	address_of(&own, connects ? SCTP_PORT + 1 : SCTP_PORT);
	if (usrsctp_bind(socket, (struct sockaddr *)&own, sizeof own) != 0) {
		fail("cannot bind");
	}
	pthread_t thread;
	if (pthread_create(&thread, NULL, measure, &window) != 0) {
		fail("cannot start a thread");
	}
	if (!connects) {
		if (usrsctp_listen(socket, 1) != 0) {
			fail("cannot listen");
		}
		printf("ready\n");
		fflush(stdout);
		if (usrsctp_accept(socket, NULL, NULL) == NULL) {
			fail("cannot accept");
		}
		pause();
	}
	printf("ready\n");
	fflush(stdout);
	struct sockaddr_in peer;
	address_of(&peer, SCTP_PORT);
	if (usrsctp_connect(socket, (struct sockaddr *)&peer, sizeof peer) != 0) {
		fail("cannot connect");
	}
	if (role == PINGER) {
		if (send_one(socket) < 0) {
			fail("cannot send");
		}
		pause();
	}
	atomic_store(&started, true);
	while (send_one(socket) >= 0) {
	}
	fail("cannot send");
	return 1;
}
