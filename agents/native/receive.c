#include "understudy-io.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

/* Packets on their way to JavaScript: copied together, described by RECEIVE_FIELDS values each. */
struct group {
	int32_t *fields;
	size_t capacity;
	size_t count;
	size_t bytes;
	struct iovec sources[GROUP_BYTES / 16];
};

void prepare_receive(struct io_socket *socket) {
	for (int slot = 0; slot < RECEIVE_SLOTS; slot++) {
		struct msghdr *header = &socket->receive_messages[slot].msg_hdr;

		/* A little apart from a power of two: the slots must not all meet in one set of the cache. */
		socket->receive_vectors[slot].iov_base = socket->slots + (size_t)slot * (socket->slot_bytes + 192);
		socket->receive_vectors[slot].iov_len = socket->slot_bytes;
		header->msg_iov = &socket->receive_vectors[slot];
		header->msg_iovlen = 1;
	}
}

/* The kernel overwrites these with what it filled in. */
static void reset_headers(struct io_socket *socket) {
	for (int slot = 0; slot < RECEIVE_SLOTS; slot++) {
		struct msghdr *header = &socket->receive_messages[slot].msg_hdr;

		header->msg_name = &socket->receive_names[slot];
		header->msg_namelen = sizeof(union address);
		header->msg_control = socket->receive_controls[slot].bytes;
		header->msg_controllen = sizeof(struct control_buffer);
		header->msg_flags = 0;
	}
}

static bool same_address(const union address *a, const union address *b) {
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return a->v6.sin6_port == b->v6.sin6_port &&
	       memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static unsigned peer_slot(const union address *peer) {
	uint32_t hash = peer->any.sa_family == AF_INET ? peer->v4.sin_port : peer->v6.sin6_port;

	if (peer->any.sa_family == AF_INET) {
		hash = hash * 0x9e3779b1U ^ peer->v4.sin_addr.s_addr;
	} else {
		for (int word = 0; word < 4; word++)
			hash = hash * 0x9e3779b1U ^ peer->v6.sin6_addr.s6_addr32[word];
	}
	return (hash * 0x9e3779b1U) >> 22;
}

/* Hands the group over, in a buffer of its own that holds nothing else. */
static void hand_over(struct io_socket *socket, struct group *group) {
	napi_env env = socket->env;
	napi_value argv[2];
	void *data = NULL;
	size_t at = 0;

	if (group->count == 0)
		return;
	if (napi_create_arraybuffer(env, group->bytes, &data, &argv[0]) != napi_ok ||
	    napi_create_uint32(env, (uint32_t)group->count, &argv[1]) != napi_ok) {
		socket->receive_drops += (uint32_t)group->count;
	} else {
		for (size_t index = 0; index < group->count; index++) {
			memcpy((uint8_t *)data + at, group->sources[index].iov_base, group->sources[index].iov_len);
			at += group->sources[index].iov_len;
		}
		call_handler(socket, socket->on_packets, 2, argv);
	}
	group->count = 0;
	group->bytes = 0;
}

static void add_packet(struct io_socket *socket, struct group *group, uint8_t *bytes, size_t length,
                       const union address *peer, int flags) {
	unsigned slot = peer_slot(peer);
	int32_t *fields;

	if (group->count == group->capacity || (group->count > 0 && group->bytes + length > GROUP_BYTES))
		hand_over(socket, group);
	if (!same_address(&socket->peers[slot], peer)) {
		/* JavaScript looks slots up when it gets the group, so what uses the old peer goes first. */
		hand_over(socket, group);
		socket->peers[slot] = *peer;
		flags |= RECEIVED_NEW_PEER;
	}
	if (socket->closed)
		return;
	fields = group->fields + group->count * RECEIVE_FIELDS;
	fields[0] = (int32_t)group->bytes;
	fields[1] = (int32_t)length;
	fields[2] = (int32_t)slot;
	fields[3] = address_port(peer);
	fields[4] = flags;
	group->sources[group->count].iov_base = bytes;
	group->sources[group->count].iov_len = length;
	group->count += 1;
	group->bytes += length;
}

struct ancillary {
	/* Bytes of each packet where several were put together, else 0. */
	int segment_bytes;
	bool congestion_experienced;
};

static struct ancillary read_ancillary(struct msghdr *header) {
	struct ancillary found = {0, false};

	for (struct cmsghdr *each = CMSG_FIRSTHDR(header); each != NULL; each = CMSG_NXTHDR(header, each)) {
		if (each->cmsg_level == IPPROTO_UDP && each->cmsg_type == UDP_GRO) {
			memcpy(&found.segment_bytes, CMSG_DATA(each), sizeof(int));
		} else if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_TOS) {
			found.congestion_experienced = (*(uint8_t *)CMSG_DATA(each) & 3) == 3;
		} else if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_TCLASS) {
			int class;

			memcpy(&class, CMSG_DATA(each), sizeof(int));
			found.congestion_experienced = (class & 3) == 3;
		}
	}
	return found;
}

/* Raw IPv4 comes with its IP header. Answers its length, or 0 where there is nothing behind it. */
static size_t ip_header_bytes(const uint8_t *bytes, size_t length) {
	size_t header_bytes = length < sizeof(struct iphdr) ? 0 : (size_t)(bytes[0] & 0x0f) * 4;

	return header_bytes < sizeof(struct iphdr) || header_bytes >= length ? 0 : header_bytes;
}

static void take_datagram(struct io_socket *socket, struct group *group, int slot) {
	struct msghdr *header = &socket->receive_messages[slot].msg_hdr;
	uint8_t *bytes = socket->receive_vectors[slot].iov_base;
	size_t length = socket->receive_messages[slot].msg_len;
	union address *peer = &socket->receive_names[slot];
	struct ancillary ancillary = read_ancillary(header);
	int flags = ancillary.congestion_experienced ? RECEIVED_CE : 0;
	size_t segment_bytes;

	if ((header->msg_flags & MSG_TRUNC) != 0 || length == 0 || peer->any.sa_family != socket->family) {
		socket->receive_drops += 1;
		return;
	}
	if (socket->raw) {
		size_t header_bytes = socket->family == AF_INET ? ip_header_bytes(bytes, length) : 0;

		if (socket->family == AF_INET && header_bytes == 0) {
			socket->receive_drops += 1;
			return;
		}
		/* What the port field of a raw address holds says nothing about a peer. */
		if (socket->family == AF_INET)
			peer->v4.sin_port = 0;
		else
			peer->v6.sin6_port = 0;
		add_packet(socket, group, bytes + header_bytes, length - header_bytes, peer, flags);
		return;
	}
	segment_bytes = ancillary.segment_bytes > 0 ? (size_t)ancillary.segment_bytes : length;
	for (size_t at = 0; at < length && !socket->closed; at += segment_bytes) {
		size_t rest = length - at;

		add_packet(socket, group, bytes + at, rest < segment_bytes ? rest : segment_bytes, peer, flags);
	}
}

static bool open_group(struct io_socket *socket, struct group *group) {
	napi_value fields;
	napi_typedarray_type type;
	size_t length;
	void *data;

	if (napi_get_reference_value(socket->env, socket->receive_fields, &fields) != napi_ok ||
	    napi_get_typedarray_info(socket->env, fields, &type, &length, &data, NULL, NULL) != napi_ok)
		return false;
	group->fields = data;
	group->capacity = length / RECEIVE_FIELDS;
	if (group->capacity > sizeof(group->sources) / sizeof(group->sources[0]))
		group->capacity = sizeof(group->sources) / sizeof(group->sources[0]);
	group->count = 0;
	group->bytes = 0;
	return group->capacity > 0;
}

void receive_packets(struct io_socket *socket) {
	struct group group;

	for (int round = 0; round < RECEIVE_ROUNDS && !socket->closed; round++) {
		napi_handle_scope scope;
		int count;

		reset_headers(socket);
		count = recvmmsg(socket->fd, socket->receive_messages, RECEIVE_SLOTS, MSG_DONTWAIT, NULL);
		if (count <= 0) {
			/* An error that ICMP left behind is told once, here; its details are in the error queue. */
			if (count == 0 || errno == EAGAIN || errno == EWOULDBLOCK)
				return;
			continue;
		}
		if (napi_open_handle_scope(socket->env, &scope) != napi_ok)
			return;
		if (open_group(socket, &group)) {
			for (int slot = 0; slot < count && !socket->closed; slot++)
				take_datagram(socket, &group, slot);
			if (!socket->closed)
				hand_over(socket, &group);
		}
		napi_close_handle_scope(socket->env, scope);
		if (count < RECEIVE_SLOTS)
			return;
	}
}
