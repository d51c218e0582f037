/*
 * Batches of SCTP packets between JavaScript and the kernel: UDP (RFC 6951) and raw IP protocol 132.
 * No threads: a socket is polled by libuv's own loop. Every error is a value for JavaScript, a negative errno.
 */
#ifndef UNDERSTUDY_IO_H
#define UNDERSTUDY_IO_H

#define _GNU_SOURCE
#include <netinet/in.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <uv.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
	PROTOCOL_SCTP = 132,
	/* Datagrams that one recvmmsg reads. */
	RECEIVE_SLOTS = 32,
	/* recvmmsg calls for each time that the socket is readable; then others have their turn. */
	RECEIVE_ROUNDS = 8,
	/* Packets that are handed to JavaScript in one call share an ArrayBuffer of about this size. */
	GROUP_BYTES = 32 * 1024,
	/* Int32 values for each received packet: offset, length, peer slot, port, flags. */
	RECEIVE_FIELDS = 5,
	/* Int32 values for each packet to send: length, destination, port, flags. */
	SEND_FIELDS = 4,
	SEND_PACKETS = 256,
	PEER_SLOTS = 1024,
	DESTINATIONS = 1024,
	/* Segments of one GSO send, and their bytes. */
	GSO_SEGMENTS = 64,
	GSO_BYTES = 65000,
	QUOTED_BYTES = 576,
	ERRORS_PER_TURN = 64,
	SOCKET_BUFFER_BYTES = 4 * 1024 * 1024,
};

enum open_flags {
	OPEN_RAW = 1,
	OPEN_GSO = 2,
	OPEN_GRO = 4,
	/* Packets leave with ECT(0). */
	OPEN_ECT = 8,
};

enum receive_flags {
	/* The peer slot holds another address than before. */
	RECEIVED_NEW_PEER = 1,
	RECEIVED_CE = 2,
};

enum send_flags {
	/* Don't fragment, and don't heed the kernel's idea of the path MTU. */
	SEND_PROBE = 1,
};

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct control_buffer {
	_Alignas(struct cmsghdr) char bytes[128];
};

struct io_socket {
	napi_env env;
	uv_poll_t poll;
	int fd;
	int family;
	bool raw;
	bool gso;
	bool connected;
	bool polling;
	bool closed;
	/* Set once uv_poll_init has succeeded: then the memory belongs to the close callback. */
	bool poll_initialised;
	/* Whether JavaScript has let go of its object. */
	bool released;
	int poll_events;
	int send_buffer_bytes;

	napi_ref on_packets;
	napi_ref on_icmp;
	napi_ref on_writable;
	napi_ref receive_fields;
	napi_async_context async_context;
	napi_async_cleanup_hook_handle cleanup_hook;

	size_t slot_bytes;
	uint8_t *slots;
	struct mmsghdr receive_messages[RECEIVE_SLOTS];
	struct iovec receive_vectors[RECEIVE_SLOTS];
	union address receive_names[RECEIVE_SLOTS];
	struct control_buffer receive_controls[RECEIVE_SLOTS];
	uint32_t receive_drops;

	union address peers[PEER_SLOTS];
	union address destinations[DESTINATIONS];
	bool destination_known[DESTINATIONS];

	struct mmsghdr send_messages[SEND_PACKETS];
	struct iovec send_vectors[SEND_PACKETS];
	union address send_names[SEND_PACKETS];
	struct control_buffer send_controls[SEND_PACKETS];
	/* Beside each message: the packets that are in it. */
	int send_counts[SEND_PACKETS];
};

struct send_result {
	/* Packets that the kernel took, and those that it refused. */
	int sent;
	int errors;
	int last_errno;
	/* The last packet that was too big, or -1. */
	int too_big;
};

/* socket.c. All answer 0 or a negative errno. */
int socket_open(struct io_socket *socket, const char *address, int port, int flags);
int socket_connect(struct io_socket *socket, const char *address, int port);
int socket_local_port(const struct io_socket *socket);
int parse_address(int family, const char *text, int port, union address *out);
void format_address(const union address *address, char *out, size_t out_bytes);
int address_port(const union address *address);
socklen_t address_bytes(int family);
int set_dont_fragment(const struct io_socket *socket, bool on);

/* receive.c: reads what is there and hands it to JavaScript. */
void prepare_receive(struct io_socket *socket);
void receive_packets(struct io_socket *socket);

/* icmp.c: reads the error queue and hands it to JavaScript. */
void receive_errors(struct io_socket *socket);

/* send.c: stops where the kernel has no room. `fields` and `bytes` were checked for their lengths. */
int send_packets(struct io_socket *socket, uint8_t *bytes, size_t total_bytes, const int32_t *fields, int count,
                 struct send_result *result);

/* module.c */
void call_handler(struct io_socket *socket, napi_ref handler, size_t argc, const napi_value *argv);

/* Arguments of a call: what is missing or of another type is undefined and fails where it is read. */
#define MAX_ARGUMENTS 8

struct call {
	napi_env env;
	napi_value argv[MAX_ARGUMENTS];
	struct io_socket *socket;
};

void read_call(napi_env env, napi_callback_info info, struct call *call);
bool read_int(const struct call *call, size_t at, int *out);
bool read_text(const struct call *call, size_t at, char *out, size_t out_bytes);
bool read_array(const struct call *call, size_t at, napi_typedarray_type wanted, void **data, size_t *length);
napi_value number(napi_env env, int value);

/* link.c: who has which address on a link, ARP and neighbour discovery. */
napi_value js_link_open(napi_env env, napi_callback_info info);
napi_value js_link_send(napi_env env, napi_callback_info info);
napi_value js_link_receive(napi_env env, napi_callback_info info);
napi_value js_link_close(napi_env env, napi_callback_info info);

#endif
