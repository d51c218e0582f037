#include "understudy-io.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <string.h>

static const struct sock_extended_err *find_error(struct msghdr *header) {
	for (struct cmsghdr *each = CMSG_FIRSTHDR(header); each != NULL; each = CMSG_NXTHDR(header, each)) {
		bool v4 = each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR;
		bool v6 = each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR;

		if (v4 || v6)
			return (const struct sock_extended_err *)CMSG_DATA(each);
	}
	return NULL;
}

/* onIcmp(origin, type, code, info, address, port, quoted) */
static void tell(struct io_socket *socket, const struct sock_extended_err *error, const union address *destination,
                 const uint8_t *quoted, size_t quoted_bytes) {
	napi_env env = socket->env;
	napi_handle_scope scope;
	napi_value argv[7];
	char text[INET6_ADDRSTRLEN];
	void *data = NULL;

	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	format_address(destination, text, sizeof(text));
	if (napi_create_uint32(env, error->ee_origin, &argv[0]) == napi_ok &&
	    napi_create_uint32(env, error->ee_type, &argv[1]) == napi_ok &&
	    napi_create_uint32(env, error->ee_code, &argv[2]) == napi_ok &&
	    napi_create_uint32(env, error->ee_info, &argv[3]) == napi_ok &&
	    napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &argv[4]) == napi_ok &&
	    napi_create_int32(env, address_port(destination), &argv[5]) == napi_ok &&
	    napi_create_arraybuffer(env, quoted_bytes, &data, &argv[6]) == napi_ok) {
		if (quoted_bytes > 0)
			memcpy(data, quoted, quoted_bytes);
		call_handler(socket, socket->on_icmp, 7, argv);
	}
	napi_close_handle_scope(env, scope);
}

void receive_errors(struct io_socket *socket) {
	int pending;
	socklen_t pending_bytes = sizeof(pending);

	for (int count = 0; count < ERRORS_PER_TURN && !socket->closed; count++) {
		uint8_t quoted[QUOTED_BYTES];
		struct control_buffer controls[4];
		union address destination;
		struct iovec vector = {quoted, sizeof(quoted)};
		struct msghdr header = {0};
		const struct sock_extended_err *error;
		ssize_t length;

		memset(&destination, 0, sizeof(destination));
		header.msg_name = &destination;
		header.msg_namelen = sizeof(destination);
		header.msg_iov = &vector;
		header.msg_iovlen = 1;
		header.msg_control = controls;
		header.msg_controllen = sizeof(controls);
		length = recvmsg(socket->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT);
		if (length < 0)
			break;
		error = find_error(&header);
		if (error != NULL && destination.any.sa_family == socket->family)
			tell(socket, error, &destination, quoted, (size_t)length);
	}
	/* Also the error that is pending on the socket itself, or it counts as one of the next send. */
	if (!socket->closed)
		(void)getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &pending, &pending_bytes);
}
