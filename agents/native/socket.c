#include "understudy-io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/in6.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

socklen_t address_bytes(int family) {
	return family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

int parse_address(int family, const char *text, int port, union address *out) {
	memset(out, 0, sizeof(*out));
	if (port < 0 || port > 65535)
		return -EINVAL;
	if (family == AF_INET) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons((uint16_t)port);
		return inet_pton(AF_INET, text, &out->v4.sin_addr) == 1 ? 0 : -EINVAL;
	}
	out->v6.sin6_family = AF_INET6;
	out->v6.sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1 ? 0 : -EINVAL;
}

void format_address(const union address *address, char *out, size_t out_bytes) {
	const void *bytes = address->any.sa_family == AF_INET ? (const void *)&address->v4.sin_addr
	                                                      : (const void *)&address->v6.sin6_addr;
	if (inet_ntop(address->any.sa_family, bytes, out, (socklen_t)out_bytes) == NULL)
		out[0] = '\0';
}

int address_port(const union address *address) {
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port : address->v6.sin6_port);
}

static int set(int fd, int level, int name, int value) {
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : -errno;
}

/*
 * PMTUDISC_PROBE sets DF and lets the sender find out for itself (RFC 8899); PMTUDISC_DONT has packets
 * fragmented where they must be.
 */
int set_dont_fragment(const struct io_socket *socket, bool on) {
	if (socket->family == AF_INET)
		return set(socket->fd, IPPROTO_IP, IP_MTU_DISCOVER, on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT);
	return set(socket->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, on ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
}

/* Beyond the limit of the system where we may, up to it where not. */
static void set_buffers(struct io_socket *socket) {
	int fd = socket->fd;
	socklen_t bytes = sizeof(socket->send_buffer_bytes);

	if (set(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) != 0)
		set(fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
	if (set(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) != 0)
		set(fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &socket->send_buffer_bytes, &bytes);
}

static int set_ip_options(const struct io_socket *socket, int flags) {
	int fd = socket->fd;
	int error = 0;

	if (socket->family == AF_INET) {
		error = set(fd, IPPROTO_IP, IP_RECVERR, 1);
		if (error == 0)
			error = set(fd, IPPROTO_IP, IP_RECVTOS, 1);
		if (error == 0 && (flags & OPEN_ECT) != 0)
			error = set(fd, IPPROTO_IP, IP_TOS, 2);
	} else {
		/* A raw socket is for one family anyway, and refuses the option. */
		error = socket->raw ? 0 : set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		if (error == 0)
			error = set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
		if (error == 0)
			error = set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
		if (error == 0 && (flags & OPEN_ECT) != 0)
			error = set(fd, IPPROTO_IPV6, IPV6_TCLASS, 2);
	}
	return error == 0 ? set_dont_fragment(socket, false) : error;
}

int socket_open(struct io_socket *socket_, const char *address, int port, int flags) {
	union address own;
	int error = parse_address(socket_->family, address, socket_->raw ? 0 : port, &own);

	if (error != 0)
		return error;
	socket_->fd = socket(socket_->family, (socket_->raw ? SOCK_RAW : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
	                     socket_->raw ? PROTOCOL_SCTP : 0);
	if (socket_->fd < 0)
		return -errno;
	set_buffers(socket_);
	error = set_ip_options(socket_, flags);
	if (error != 0)
		return error;
	/* Older kernels know neither; both are only faster. */
	if (!socket_->raw && (flags & OPEN_GRO) != 0)
		set(socket_->fd, IPPROTO_UDP, UDP_GRO, 1);
	socket_->gso = !socket_->raw && (flags & OPEN_GSO) != 0 && set(socket_->fd, IPPROTO_UDP, UDP_SEGMENT, 0) == 0;
	if (bind(socket_->fd, &own.any, address_bytes(socket_->family)) != 0)
		return -errno;
	return 0;
}

int socket_connect(struct io_socket *socket, const char *address, int port) {
	union address peer;
	int error = parse_address(socket->family, address, socket->raw ? 0 : port, &peer);

	if (error != 0)
		return error;
	if (connect(socket->fd, &peer.any, address_bytes(socket->family)) != 0)
		return -errno;
	socket->connected = true;
	return 0;
}

int socket_local_port(const struct io_socket *socket) {
	union address own;
	socklen_t bytes = sizeof(own);

	if (getsockname(socket->fd, &own.any, &bytes) != 0)
		return -errno;
	return address_port(&own);
}
