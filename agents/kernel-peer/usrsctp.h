/*
 * Linux's own SCTP under the names of libusrsctp, as far as the outside computer's program calls them: both
 * offer the socket API of RFC 6458. Found before the library's header, it makes the program of
 * agents/usrsctp-peer one that drives the kernel.
 *
 * gcc -O2 -Wall -Wextra -Werror -static -I agents/kernel-peer -o peer agents/usrsctp-peer/peer.c -lpthread
 */
#ifndef UNDERSTUDY_KERNEL_SOCKETS_H
#define UNDERSTUDY_KERNEL_SOCKETS_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* After the headers whose types it uses. */
#include <linux/sctp.h>
#include <linux/sockios.h>

#define SCTP_SENDV_SNDINFO 1
#define PEER_NAME "Linux kernel"

struct socket {
	int fd;
	void (*upcall)(struct socket *, void *, int);
	void *argument;
};

/* A setting of the whole kernel: it is this program's alone, in a virtual machine. */
static inline void kernel_setting(const char *name, uint32_t value) {
	char path[128];
	snprintf(path, sizeof path, "/proc/sys/net/sctp/%s", name);
	FILE *file = fopen(path, "w");
	if (file == NULL || fprintf(file, "%u\n", value) < 0 || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

static inline void usrsctp_init(uint16_t udp_port, void *output, void *debug) {
	(void)output;
	(void)debug;
	kernel_setting("udp_port", udp_port);
	kernel_setting("encap_port", udp_port);
}

static inline int usrsctp_finish(void) { return 0; }

/* The kernel computes every CRC32c. */
static inline void usrsctp_sysctl_set_sctp_no_csum_on_loopback(uint32_t value) { (void)value; }

static inline void usrsctp_sysctl_set_sctp_path_pf_threshold(uint32_t value) {
	kernel_setting("pf_retrans", value);
}

static inline struct socket *usrsctp_socket(int family, int type, int protocol, void *receive, void *send,
                                            uint32_t threshold, void *argument) {
	(void)receive;
	(void)send;
	(void)threshold;
	(void)argument;
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);
	if (fd < 0) {
		return NULL;
	}
	struct socket *made = calloc(1, sizeof *made);
	if (made == NULL) {
		abort();
	}
	made->fd = fd;
	return made;
}

static inline int usrsctp_setsockopt(struct socket *socket, int level, int option, const void *value,
                                     socklen_t length) {
	/* Beyond the system's limits, which are below what the longest message needs. */
	if (level == SOL_SOCKET) {
		option = option == SO_RCVBUF ? SO_RCVBUFFORCE : option == SO_SNDBUF ? SO_SNDBUFFORCE : option;
	}
	return setsockopt(socket->fd, level, option, value, length);
}

/* The kernel's `unackdata` leaves out what has not been sent yet, and its `penddata` is about what came in. */
static inline int usrsctp_getsockopt(struct socket *socket, int level, int option, void *value,
                                     socklen_t *length) {
	if (getsockopt(socket->fd, level, option, value, length) != 0) {
		return -1;
	}
	if (level == IPPROTO_SCTP && option == SCTP_STATUS) {
		int queued = 0;
		if (ioctl(socket->fd, SIOCOUTQ, &queued) != 0) {
			return -1;
		}
		((struct sctp_status *)value)->sstat_penddata = queued > 0;
	}
	return 0;
}

static inline int usrsctp_set_non_blocking(struct socket *socket, int on) {
	int flags = fcntl(socket->fd, F_GETFL);
	return fcntl(socket->fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static void *upcall_thread(void *argument) {
	struct socket *socket = argument;
	int events = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
	if (events < 0 || epoll_ctl(events, EPOLL_CTL_ADD, socket->fd, &wanted) != 0) {
		abort();
	}
	for (;;) {
		struct epoll_event happened;
		if (epoll_wait(events, &happened, 1, -1) > 0) {
			socket->upcall(socket, socket->argument, 0);
		}
	}
	return NULL;
}

static inline void usrsctp_set_upcall(struct socket *socket, void (*upcall)(struct socket *, void *, int),
                                      void *argument) {
	pthread_t thread;
	socket->upcall = upcall;
	socket->argument = argument;
	if (pthread_create(&thread, NULL, upcall_thread, socket) != 0) {
		abort();
	}
}

static inline int usrsctp_bind(struct socket *socket, struct sockaddr *address, socklen_t length) {
	return bind(socket->fd, address, length);
}

static inline int usrsctp_listen(struct socket *socket, int backlog) { return listen(socket->fd, backlog); }

static inline int usrsctp_connect(struct socket *socket, struct sockaddr *address, socklen_t length) {
	return connect(socket->fd, address, length);
}

static inline struct socket *usrsctp_accept(struct socket *socket, struct sockaddr *address, socklen_t *length) {
	int fd = accept(socket->fd, address, length);
	struct socket *made = fd < 0 ? NULL : calloc(1, sizeof *made);
	if (made != NULL) {
		made->fd = fd;
	}
	return made;
}

static inline int usrsctp_shutdown(struct socket *socket, int how) { return shutdown(socket->fd, how); }

static inline void usrsctp_close(struct socket *socket) { close(socket->fd); }

static inline ssize_t usrsctp_sendv(struct socket *socket, const void *bytes, size_t size, struct sockaddr *to,
                                    int count, void *info, socklen_t length, unsigned int type, int flags) {
	(void)to;
	(void)count;
	(void)type;
	union {
		char room[CMSG_SPACE(sizeof(struct sctp_sndinfo))];
		struct cmsghdr aligned;
	} control = {0};
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.room, .msg_controllen = sizeof control.room};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = IPPROTO_SCTP;
	header->cmsg_type = SCTP_SNDINFO;
	header->cmsg_len = CMSG_LEN(length);
	memcpy(CMSG_DATA(header), info, length);
	return sendmsg(socket->fd, &message, flags | MSG_NOSIGNAL);
}

static inline ssize_t usrsctp_recvv(struct socket *socket, void *bytes, size_t size, struct sockaddr *from,
                                    socklen_t *from_length, void *info, socklen_t *info_length,
                                    unsigned int *info_type, int *flags) {
	(void)info_type;
	char control[256];
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	struct msghdr message = {.msg_name = from,
	                         .msg_namelen = *from_length,
	                         .msg_iov = &part,
	                         .msg_iovlen = 1,
	                         .msg_control = control,
	                         .msg_controllen = sizeof control};
	ssize_t got = recvmsg(socket->fd, &message, 0);
	*flags = message.msg_flags;
	if (got < 0) {
		return got;
	}
	for (struct cmsghdr *each = CMSG_FIRSTHDR(&message); each != NULL; each = CMSG_NXTHDR(&message, each)) {
		if (each->cmsg_level == IPPROTO_SCTP && each->cmsg_type == SCTP_RCVINFO) {
			memcpy(info, CMSG_DATA(each), *info_length);
		}
	}
	return got;
}

#endif
