/* The sockets that the peer has open, and addresses as text. */
#ifndef KERNEL_PEER_SOCKETS_H
#define KERNEL_PEER_SOCKETS_H

#include <arpa/inet.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reply.h"

#define MAX_SOCKETS 16
#define MAX_STREAMS 64
#define MAX_SIZES 16
#define MAX_ADDRESSES 16
#define MESSAGE_BYTES (1024u * 1024u)

/* What arrived on one stream. */
struct tally {
	uint32_t next;
	uint32_t messages;
	uint32_t missing;
	uint32_t late;
	uint32_t damaged;
	uint64_t bytes;
	uint8_t *partial;
	size_t partial_bytes;
};

/* Numbered messages that are still to be sent. */
struct load {
	uint32_t left;
	uint32_t sizes[MAX_SIZES];
	unsigned int size_count;
	unsigned int streams;
	unsigned int turn;
	uint16_t flags;
	uint16_t policy;
	uint32_t policy_value;
};

struct echo {
	uint8_t *bytes;
	size_t length;
	uint16_t stream;
	uint16_t flags;
	uint32_t ppid;
};

struct peer_socket {
	int fd;
	bool used;
	bool many;
	bool listening;
	bool echoes;
	/* No more messages will come; notifications may. */
	bool ended;
	/* The association that came up last; 0 on a one-to-one socket. */
	sctp_assoc_t association;
	struct load load;
	struct echo echo;
	uint32_t sent_on[MAX_STREAMS];
	struct tally tallies[MAX_STREAMS];
};

static struct peer_socket sockets[MAX_SOCKETS];

static unsigned int index_of(const struct peer_socket *each) { return (unsigned int)(each - sockets); }

static void forget_traffic(struct peer_socket *each) {
	for (unsigned int stream = 0; stream < MAX_STREAMS; stream++) {
		free(each->tallies[stream].partial);
	}
	free(each->echo.bytes);
	memset(&each->load, 0, sizeof each->load);
	memset(&each->echo, 0, sizeof each->echo);
	memset(each->sent_on, 0, sizeof each->sent_on);
	memset(each->tallies, 0, sizeof each->tallies);
}

static struct peer_socket *keep_socket(int fd, bool many) {
	for (unsigned int at = 0; at < MAX_SOCKETS; at++) {
		struct peer_socket *each = &sockets[at];
		if (each->used) {
			continue;
		}
		memset(each, 0, sizeof *each);
		each->fd = fd;
		each->used = true;
		each->many = many;
		return each;
	}
	close(fd);
	return NULL;
}

static void drop_socket(struct peer_socket *each) {
	forget_traffic(each);
	close(each->fd);
	each->used = false;
}

static bool parse_address(const char *text, uint16_t port, struct sockaddr_storage *address) {
	memset(address, 0, sizeof *address);
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return true;
	}
	return false;
}

static socklen_t address_length(int family) {
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* Addresses with commas between them, packed as the socket options for several addresses take them; 0: none. */
static socklen_t pack_addresses(char *list, uint16_t port, uint8_t *packed, size_t room) {
	socklen_t used = 0;
	char *rest;
	for (char *one = strtok_r(list, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
		struct sockaddr_storage address;
		if (!parse_address(one, port, &address)) {
			return 0;
		}
		socklen_t length = address_length(address.ss_family);
		if (used + length > room) {
			return 0;
		}
		memcpy(packed + used, &address, length);
		used += length;
	}
	return used;
}

/* Also for the packed structures of the kernel, in which addresses are not aligned. */
static const char *address_text(const void *address) {
	static char text[INET6_ADDRSTRLEN];
	struct sockaddr_storage copy;
	memcpy(&copy, address, sizeof(struct sockaddr_in));
	if (copy.ss_family == AF_INET6) {
		memcpy(&copy, address, sizeof(struct sockaddr_in6));
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&copy;
		if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
			inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, sizeof text);
		} else {
			inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
		}
	} else {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&copy)->sin_addr, text, sizeof text);
	}
	return text;
}

#endif
