/*
 * The other end of an interop test: Debian's libusrsctp over UDP encapsulation (RFC 6951) on loopback, one
 * association at a time. Obeys lines on stdin, reports lines of JSON on stdout. See usrsctp-end.ts.
 *
 * usrsctp-end UDP-PORT PEER-UDP-PORT SCTP-PORT EXTENSION...
 *
 * A message is named by its number, which is its payload protocol identifier; content_at() makes its bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <usrsctp.h>

#define BUFFER_BYTES (4 * 1024 * 1024)
/* Above the longest message: in parts, a callback gets those of other messages of the stream in between. */
#define PARTIAL_DELIVERY_POINT (2 * 1024 * 1024)
#define MAX_STREAMS 64
#define RETRY_US 1000
#define SHARED_KEY "understudy"
/* Packets of 1500 bytes with all headers; the side that connects does not count those of IP and UDP in. */
#define PATH_MTU 1500
#define PATH_MTU_CONNECTING 1460
/* Of RFC 8260, which the public header leaves out. */
#define INTERLEAVING_SUPPORTED 0x00001206

struct outgoing {
	uint32_t number;
	size_t length;
	uint16_t stream;
	bool unordered;
	uint16_t policy;
	uint32_t policy_value;
};

/* A message of which parts are here: one for each stream, ordered and unordered. */
struct incoming {
	uint8_t *bytes;
	size_t length;
};

static struct socket *socket_listening;
static struct socket *socket_open;
static struct incoming incoming[MAX_STREAMS][2];
static struct outgoing queue[65536];
static size_t queue_start;
static size_t queue_end;
static uint8_t *send_buffer;
static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void say(const char *format, ...) {
	va_list arguments;
	va_start(arguments, format);
	pthread_mutex_lock(&output);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	pthread_mutex_unlock(&output);
	va_end(arguments);
}

static void require(bool good, const char *what) {
	if (!good) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static uint8_t content_at(uint32_t number, size_t at) {
	return (uint8_t)(number * 31u + at * 7u + (at >> 8) + (at >> 16));
}

static void receive_part(const uint8_t *bytes, size_t length, struct sctp_rcvinfo info, bool is_end) {
	bool unordered = (info.rcv_flags & SCTP_UNORDERED) != 0;
	require(info.rcv_sid < MAX_STREAMS, "a stream that was not agreed on");
	struct incoming *message = &incoming[info.rcv_sid][unordered];
	message->bytes = realloc(message->bytes, message->length + length + 1);
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
	if (!is_end) {
		return;
	}
	uint32_t number = ntohl(info.rcv_ppid);
	bool intact = true;
	for (size_t at = 0; at < message->length && intact; at++) {
		intact = message->bytes[at] == content_at(number, at);
	}
	say("{\"type\":\"message\",\"stream\":%u,\"number\":%u,\"lengthBytes\":%zu,\"unordered\":%s,\"intact\":%s}",
	    info.rcv_sid, number, message->length, unordered ? "true" : "false", intact ? "true" : "false");
	free(message->bytes);
	*message = (struct incoming){0};
}

static void on_association_change(const struct sctp_assoc_change *change, size_t length) {
	static const char *const states[] = {"", "comm-up", "comm-lost", "restart", "shutdown-complete", "cant-start"};
	char features[128] = "";
	size_t count = length - offsetof(struct sctp_assoc_change, sac_info);
	bool told = change->sac_state == SCTP_COMM_UP || change->sac_state == SCTP_RESTART;
	for (size_t at = 0; told && at < count; at++) {
		static const char *const names[] = {"", "pr", "auth", "asconf", "multibuf", "reconfig", "interleaving"};
		if (change->sac_info[at] <= SCTP_ASSOC_SUPPORTS_MAX && strlen(features) < 100) {
			strcat(features, features[0] == '\0' ? "\"" : ",\"");
			strcat(features, names[change->sac_info[at]]);
			strcat(features, "\"");
		}
	}
	say("{\"type\":\"event\",\"name\":\"%s\",\"features\":[%s]}", states[change->sac_state <= 5 ? change->sac_state : 0],
	    features);
}

static void on_notification(const union sctp_notification *notification, size_t length) {
	switch (notification->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		on_association_change(&notification->sn_assoc_change, length);
		break;
	case SCTP_SHUTDOWN_EVENT:
		say("{\"type\":\"event\",\"name\":\"shutdown\",\"features\":[]}");
		break;
	case SCTP_STREAM_RESET_EVENT: {
		uint16_t flags = notification->sn_strreset_event.strreset_flags;
		const char *name = (flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED)) != 0 ? "reset-refused"
		                   : (flags & SCTP_STREAM_RESET_INCOMING_SSN) != 0                      ? "reset-incoming"
		                                                                                        : "reset-outgoing";
		say("{\"type\":\"event\",\"name\":\"%s\",\"features\":[]}", name);
		break;
	}
	default:
		break;
	}
}

static int on_receive(struct socket *socket, union sctp_sockstore from, void *data, size_t length,
                      struct sctp_rcvinfo info, int flags, void *argument) {
	(void)from;
	(void)argument;
	if (data == NULL) {
		return 1;
	}
	if (socket_open == NULL || socket == socket_open || (flags & MSG_NOTIFICATION) == 0) {
		socket_open = socket;
	}
	if ((flags & MSG_NOTIFICATION) != 0) {
		on_notification(data, length);
	} else {
		receive_part(data, length, info, (flags & MSG_EOR) != 0);
	}
	free(data);
	return 1;
}

static void set_value(struct socket *socket, int option, uint32_t value, const char *name) {
	struct sctp_assoc_value setting = {.assoc_id = SCTP_FUTURE_ASSOC, .assoc_value = value};
	require(usrsctp_setsockopt(socket, IPPROTO_SCTP, option, &setting, sizeof setting) == 0, name);
}

static bool named(int count, char **names, const char *name) {
	for (int at = 0; at < count; at++) {
		if (strcmp(names[at], name) == 0) {
			return true;
		}
	}
	return false;
}

/* Key 1, which is active from the start. */
static void set_key(struct socket *socket) {
	static const char secret[] = SHARED_KEY;
	size_t length = sizeof(struct sctp_authkey) + sizeof secret - 1;
	struct sctp_authkey *key = calloc(1, length);
	key->sca_assoc_id = SCTP_FUTURE_ASSOC;
	key->sca_keynumber = 1;
	key->sca_keylength = sizeof secret - 1;
	memcpy(key->sca_key, secret, sizeof secret - 1);
	struct sctp_authkeyid active = {.scact_assoc_id = SCTP_FUTURE_ASSOC, .scact_keynumber = 1};
	require(usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_AUTH_KEY, key, (socklen_t)length) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_AUTH_ACTIVE_KEY, &active, sizeof active) == 0,
	        "key");
	free(key);
}

static void set_extensions(struct socket *socket, int count, char **names) {
	/* Address reconfiguration needs authentication: it goes first when both go. */
	set_value(socket, SCTP_ASCONF_SUPPORTED, 0, "asconf off");
	set_value(socket, SCTP_AUTH_SUPPORTED, named(count, names, "auth"), "auth");
	set_value(socket, SCTP_ASCONF_SUPPORTED, named(count, names, "asconf"), "asconf");
	set_value(socket, SCTP_PR_SUPPORTED, named(count, names, "pr"), "pr");
	set_value(socket, SCTP_RECONFIG_SUPPORTED, named(count, names, "reconfig"), "reconfig");
	set_value(socket, SCTP_ECN_SUPPORTED, named(count, names, "ecn"), "ecn");
	if (named(count, names, "reconfig")) {
		set_value(socket, SCTP_ENABLE_STREAM_RESET, SCTP_ENABLE_RESET_STREAM_REQ | SCTP_ENABLE_RESET_ASSOC_REQ | SCTP_ENABLE_CHANGE_ASSOC_REQ, "reset");
	}
	if (named(count, names, "auth-key")) {
		set_key(socket);
	}
	if (named(count, names, "auth-data")) {
		struct sctp_authchunk data = {.sauth_chunk = SCTP_DATA};
		require(usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_AUTH_CHUNK, &data, sizeof data) == 0, "auth-data");
	}
	if (named(count, names, "interleaving")) {
		int level = 2;
		require(usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_FRAGMENT_INTERLEAVE, &level, sizeof level) == 0, "level");
		set_value(socket, INTERLEAVING_SUPPORTED, 1, "interleaving");
	}
}

static struct socket *open_socket(uint32_t path_mtu, uint16_t peer_udp_port, uint16_t sctp_port, int count,
                                  char **names) {
	struct socket *socket = usrsctp_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP, on_receive, NULL, 0, NULL);
	require(socket != NULL, "socket");
	const int size = BUFFER_BYTES;
	const int on = 1;
	const uint32_t partial = PARTIAL_DELIVERY_POINT;
	struct sctp_udpencaps encapsulation = {.sue_assoc_id = SCTP_FUTURE_ASSOC, .sue_port = htons(peer_udp_port)};
	encapsulation.sue_address.ss_family = AF_INET;
	struct sctp_paddrparams path = {
		.spp_assoc_id = SCTP_FUTURE_ASSOC, .spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = path_mtu};
	path.spp_address.ss_family = AF_INET;
	struct sctp_rtoinfo rto = {
		.srto_assoc_id = SCTP_FUTURE_ASSOC, .srto_initial = 200, .srto_max = 1000, .srto_min = 50};
	struct sctp_initmsg init = {.sinit_num_ostreams = MAX_STREAMS, .sinit_max_instreams = MAX_STREAMS};
	struct sctp_event event = {.se_assoc_id = SCTP_FUTURE_ASSOC, .se_on = 1};
	static const uint16_t wanted[] = {SCTP_ASSOC_CHANGE, SCTP_SHUTDOWN_EVENT, SCTP_STREAM_RESET_EVENT};
	require(usrsctp_setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0 &&
	            usrsctp_setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PARTIAL_DELIVERY_POINT, &partial, sizeof partial) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof on) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation,
	                               sizeof encapsulation) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof path) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof rto) == 0 &&
	            usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_INITMSG, &init, sizeof init) == 0,
	        "options");
	for (size_t at = 0; at < sizeof wanted / sizeof wanted[0]; at++) {
		event.se_type = wanted[at];
		require(usrsctp_setsockopt(socket, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event) == 0, "event");
	}
	set_extensions(socket, count, names);
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(sctp_port)};
	own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	require(usrsctp_bind(socket, (struct sockaddr *)&own, sizeof own) == 0, "bind");
	usrsctp_set_non_blocking(socket, 1);
	return socket;
}

/* Answers whether the first message of the queue was taken. */
static bool send_first(void) {
	const struct outgoing *message = &queue[queue_start % 65536];
	for (size_t at = 0; at < message->length; at++) {
		send_buffer[at] = content_at(message->number, at);
	}
	struct sctp_sendv_spa terms = {.sendv_flags = SCTP_SEND_SNDINFO_VALID};
	terms.sendv_sndinfo.snd_sid = message->stream;
	terms.sendv_sndinfo.snd_ppid = htonl(message->number);
	terms.sendv_sndinfo.snd_flags = message->unordered ? SCTP_UNORDERED : 0;
	if (message->policy != SCTP_PR_SCTP_NONE) {
		terms.sendv_flags |= SCTP_SEND_PRINFO_VALID;
		terms.sendv_prinfo.pr_policy = message->policy;
		terms.sendv_prinfo.pr_value = message->policy_value;
	}
	ssize_t sent =
		usrsctp_sendv(socket_open, send_buffer, message->length, NULL, 0, &terms, sizeof terms, SCTP_SENDV_SPA, 0);
	require(sent >= 0 || errno == EWOULDBLOCK || errno == EAGAIN, "send");
	return sent >= 0;
}

static void reset_stream(unsigned stream) {
	size_t length = sizeof(struct sctp_reset_streams) + sizeof(uint16_t);
	struct sctp_reset_streams *reset = calloc(1, length);
	reset->srs_assoc_id = SCTP_FUTURE_ASSOC;
	reset->srs_flags = SCTP_STREAM_RESET_OUTGOING;
	reset->srs_number_streams = 1;
	reset->srs_stream_list[0] = (uint16_t)stream;
	require(usrsctp_setsockopt(socket_open, IPPROTO_SCTP, SCTP_RESET_STREAMS, reset, (socklen_t)length) == 0, "reset");
	free(reset);
}

static void connect_to(unsigned port) {
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int answer = usrsctp_connect(socket_open, (struct sockaddr *)&peer, sizeof peer);
	require(answer == 0 || errno == EINPROGRESS, "connect");
}

/* False at the end. */
static bool obey(const char *line, uint16_t peer_udp_port, uint16_t sctp_port, int count, char **names) {
	struct outgoing message = {0};
	unsigned a;
	unsigned unordered;
	unsigned stream;
	unsigned policy;
	if (sscanf(line, "send %u %zu %u %u %u %u", &message.number, &message.length, &stream, &unordered, &policy,
	           &message.policy_value) == 6) {
		message.stream = (uint16_t)stream;
		message.unordered = unordered != 0;
		message.policy = (uint16_t)policy;
		require(queue_end - queue_start < 65536 && message.length <= BUFFER_BYTES, "queue");
		queue[queue_end++ % 65536] = message;
	} else if (sscanf(line, "connect %u", &a) == 1) {
		socket_open = open_socket(PATH_MTU_CONNECTING, peer_udp_port, sctp_port, count, names);
		connect_to(a);
	} else if (strcmp(line, "listen") == 0) {
		socket_listening = open_socket(PATH_MTU, peer_udp_port, sctp_port, count, names);
		require(usrsctp_listen(socket_listening, 4) == 0, "listen");
		say("{\"type\":\"event\",\"name\":\"listening\",\"features\":[]}");
	} else if (sscanf(line, "reset %u", &a) == 1) {
		reset_stream(a);
	} else if (strcmp(line, "shutdown") == 0) {
		require(usrsctp_shutdown(socket_open, SHUT_WR) == 0, "shutdown");
	} else if (strcmp(line, "abort") == 0) {
		struct sctp_sndinfo info = {.snd_flags = SCTP_ABORT};
		usrsctp_sendv(socket_open, "x", 1, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
	} else if (strcmp(line, "quit") == 0) {
		return false;
	} else {
		require(false, line);
	}
	return true;
}

int main(int argc, char **argv) {
	require(argc >= 4, "usage: usrsctp-end UDP-PORT PEER-UDP-PORT SCTP-PORT EXTENSION...");
	uint16_t peer_udp_port = (uint16_t)atoi(argv[2]);
	uint16_t sctp_port = (uint16_t)atoi(argv[3]);
	send_buffer = malloc(BUFFER_BYTES);
	usrsctp_init((uint16_t)atoi(argv[1]), NULL, NULL);
	usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
	char line[256];
	size_t length = 0;
	for (bool running = true; running;) {
		while (queue_start < queue_end && socket_open != NULL && send_first()) {
			queue_start++;
		}
		if (socket_listening != NULL) {
			struct socket *accepted = usrsctp_accept(socket_listening, NULL, NULL);
			if (accepted != NULL) {
				usrsctp_set_non_blocking(accepted, 1);
				socket_open = accepted;
				say("{\"type\":\"event\",\"name\":\"accepted\",\"features\":[]}");
			}
		}
		struct pollfd watched = {.fd = STDIN_FILENO, .events = POLLIN};
		struct timespec wait = {.tv_nsec = RETRY_US * 1000};
		if (ppoll(&watched, 1, &wait, NULL) <= 0) {
			continue;
		}
		char bytes[4096];
		ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
		running = got > 0;
		for (ssize_t at = 0; at < got && running; at++) {
			if (bytes[at] != '\n') {
				require(length < sizeof line - 1, "a long line");
				line[length++] = bytes[at];
				continue;
			}
			line[length] = '\0';
			length = 0;
			running = obey(line, peer_udp_port, sctp_port, argc - 4, argv + 4);
		}
	}
	/* Without a word to the other side: what a killed process would do. */
	_exit(0);
}
