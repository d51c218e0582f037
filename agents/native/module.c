#include "understudy-io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So that no other object is taken for a socket. */
static const napi_type_tag socket_tag = {0x756e646572737475ULL, 0x64792d696f2d7631ULL};

/*
 * Calls a handler of JavaScript; what it throws is an uncaught exception of the program. Needs an open handle
 * scope. The handler may close the socket, whose memory stays until libuv has let go of it.
 */
void call_handler(struct io_socket *socket, napi_ref handler, size_t argc, const napi_value *argv) {
	napi_env env = socket->env;
	napi_value function;
	napi_value receiver;
	napi_value error;

	if (socket->closed || handler == NULL || napi_get_reference_value(env, handler, &function) != napi_ok ||
	    napi_get_global(env, &receiver) != napi_ok)
		return;
	if (napi_make_callback(env, socket->async_context, receiver, function, argc, argv, NULL) ==
	        napi_pending_exception &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		(void)napi_fatal_exception(env, error);
}

static void delete_reference(napi_env env, napi_ref *reference) {
	if (*reference != NULL)
		(void)napi_delete_reference(env, *reference);
	*reference = NULL;
}

/* libuv has let go; the object of JavaScript may still be there, then its finalizer frees. */
static void poll_closed(uv_handle_t *handle) {
	struct io_socket *socket = handle->data;
	napi_handle_scope scope;

	socket->poll_initialised = false;
	/* Not before: a handler that is being called may be the one that closes. */
	if (socket->async_context != NULL && napi_open_handle_scope(socket->env, &scope) == napi_ok) {
		(void)napi_async_destroy(socket->env, socket->async_context);
		(void)napi_close_handle_scope(socket->env, scope);
	}
	socket->async_context = NULL;
	if (socket->cleanup_hook != NULL)
		(void)napi_remove_async_cleanup_hook(socket->cleanup_hook);
	socket->cleanup_hook = NULL;
	/* Now rather than when the garbage collector gets to it: it is large, and unknown to it. */
	free(socket->slots);
	socket->slots = NULL;
	if (socket->released)
		free(socket);
}

static void close_socket(struct io_socket *socket) {
	napi_env env = socket->env;

	if (socket->closed)
		return;
	socket->closed = true;
	if (socket->poll_initialised) {
		(void)uv_poll_stop(&socket->poll);
		uv_close((uv_handle_t *)&socket->poll, poll_closed);
	}
	if (socket->fd >= 0)
		(void)close(socket->fd);
	socket->fd = -1;
	delete_reference(env, &socket->on_packets);
	delete_reference(env, &socket->on_icmp);
	delete_reference(env, &socket->on_writable);
	delete_reference(env, &socket->receive_fields);
}

/* The environment ends (a worker, say) while the socket is open. */
static void environment_ends(napi_async_cleanup_hook_handle hook, void *data) {
	(void)hook;
	close_socket(data);
}

static void object_released(napi_env env, void *data, void *hint) {
	struct io_socket *socket = data;

	(void)env;
	(void)hint;
	close_socket(socket);
	socket->released = true;
	if (!socket->poll_initialised) {
		free(socket->slots);
		free(socket);
	}
}

static void socket_ready(uv_poll_t *poll, int status, int events) {
	struct io_socket *socket = poll->data;
	napi_handle_scope scope;

	if (napi_open_handle_scope(socket->env, &scope) != napi_ok)
		return;
	/* libuv stops polling and tells EBADF where the kernel says POLLERR: there is something in the error queue. */
	if (status < 0) {
		receive_errors(socket);
		if (!socket->closed)
			(void)uv_poll_start(&socket->poll, socket->poll_events, socket_ready);
		events = UV_READABLE;
	}
	if (!socket->closed && (events & UV_READABLE) != 0)
		receive_packets(socket);
	if (!socket->closed && (events & UV_WRITABLE) != 0)
		call_handler(socket, socket->on_writable, 0, NULL);
	napi_close_handle_scope(socket->env, scope);
}

void read_call(napi_env env, napi_callback_info info, struct call *call) {
	size_t argc = MAX_ARGUMENTS;

	call->env = env;
	call->socket = NULL;
	(void)napi_get_cb_info(env, info, &argc, call->argv, NULL, NULL);
}

/* With an open socket as the first argument. */
static bool read_socket_call(napi_env env, napi_callback_info info, struct call *call) {
	bool tagged = false;
	napi_valuetype type;
	void *data = NULL;

	read_call(env, info, call);
	if (napi_typeof(env, call->argv[0], &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(env, call->argv[0], &socket_tag, &tagged) != napi_ok || !tagged ||
	    napi_unwrap(env, call->argv[0], &data) != napi_ok)
		return false;
	call->socket = data;
	return !call->socket->closed;
}

bool read_int(const struct call *call, size_t at, int *out) {
	double value;

	if (napi_get_value_double(call->env, call->argv[at], &value) != napi_ok || value != (double)(int32_t)value)
		return false;
	*out = (int32_t)value;
	return true;
}

bool read_text(const struct call *call, size_t at, char *out, size_t out_bytes) {
	size_t length = 0;

	return napi_get_value_string_latin1(call->env, call->argv[at], out, out_bytes, &length) == napi_ok &&
	       length < out_bytes - 1;
}

bool read_array(const struct call *call, size_t at, napi_typedarray_type wanted, void **data, size_t *length) {
	napi_typedarray_type type;
	bool is_array = false;

	return napi_is_typedarray(call->env, call->argv[at], &is_array) == napi_ok && is_array &&
	       napi_get_typedarray_info(call->env, call->argv[at], &type, length, data, NULL, NULL) == napi_ok &&
	       type == wanted;
}

napi_value number(napi_env env, int value) {
	napi_value out = NULL;

	(void)napi_create_int32(env, value, &out);
	return out;
}

static int start_polling(struct io_socket *socket) {
	uv_loop_t *loop = NULL;
	int error;

	if (napi_get_uv_event_loop(socket->env, &loop) != napi_ok)
		return -ENOSYS;
	error = uv_poll_init(loop, &socket->poll, socket->fd);
	if (error != 0)
		return error;
	socket->poll.data = socket;
	socket->poll_initialised = true;
	if (napi_add_async_cleanup_hook(socket->env, environment_ends, socket, &socket->cleanup_hook) != napi_ok)
		return -ENOMEM;
	return 0;
}

/* open(family 4|6, address, port, flags, slotBytes): a socket, or a negative errno */
static napi_value js_open(napi_env env, napi_callback_info info) {
	struct call call;
	struct io_socket *socket;
	char address[INET6_ADDRSTRLEN + 1];
	int family, port, flags, slot_bytes, error;
	napi_value object;

	read_call(env, info, &call);
	if (!read_int(&call, 0, &family) || !read_text(&call, 1, address, sizeof(address)) ||
	    !read_int(&call, 2, &port) || !read_int(&call, 3, &flags) || !read_int(&call, 4, &slot_bytes) ||
	    (family != 4 && family != 6) || slot_bytes < 64 || slot_bytes > 65536)
		return number(env, -EINVAL);
	socket = calloc(1, sizeof(*socket));
	if (socket == NULL)
		return number(env, -ENOMEM);
	socket->env = env;
	socket->fd = -1;
	socket->family = family == 4 ? AF_INET : AF_INET6;
	socket->raw = (flags & OPEN_RAW) != 0;
	socket->slot_bytes = (size_t)slot_bytes;
	socket->slots = malloc(RECEIVE_SLOTS * (socket->slot_bytes + 192));
	error = socket->slots == NULL ? -ENOMEM : socket_open(socket, address, port, flags);
	if (error == 0)
		error = start_polling(socket);
	if (error == 0 && (napi_create_object(env, &object) != napi_ok ||
	                   napi_type_tag_object(env, object, &socket_tag) != napi_ok ||
	                   napi_wrap(env, object, socket, object_released, NULL, NULL) != napi_ok))
		error = -ENOMEM;
	if (error == 0) {
		prepare_receive(socket);
		return object;
	}
	object_released(env, socket, NULL);
	return number(env, error);
}

static bool reference(const struct call *call, size_t at, napi_ref *out) {
	return napi_create_reference(call->env, call->argv[at], 1, out) == napi_ok;
}

static bool is_function(const struct call *call, size_t at) {
	napi_valuetype type;

	return napi_typeof(call->env, call->argv[at], &type) == napi_ok && type == napi_function;
}

/* start(socket, receiveFields, onPackets, onIcmp, onWritable) */
static napi_value js_start(napi_env env, napi_callback_info info) {
	struct call call;
	struct io_socket *socket;
	void *fields;
	size_t length;
	napi_value name;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	socket = call.socket;
	if (socket->on_packets != NULL)
		return number(env, -EALREADY);
	if (!read_array(&call, 1, napi_int32_array, &fields, &length) || length < RECEIVE_FIELDS ||
	    !is_function(&call, 2) || !is_function(&call, 3) || !is_function(&call, 4))
		return number(env, -EINVAL);
	if (napi_create_string_latin1(env, "understudy-io", NAPI_AUTO_LENGTH, &name) != napi_ok ||
	    napi_async_init(env, call.argv[0], name, &socket->async_context) != napi_ok ||
	    !reference(&call, 1, &socket->receive_fields) || !reference(&call, 2, &socket->on_packets) ||
	    !reference(&call, 3, &socket->on_icmp) || !reference(&call, 4, &socket->on_writable))
		return number(env, -ENOMEM);
	socket->poll_events = UV_READABLE;
	return number(env, uv_poll_start(&socket->poll, socket->poll_events, socket_ready));
}

/* wantWritable(socket, 0|1) */
static napi_value js_want_writable(napi_env env, napi_callback_info info) {
	struct call call;
	int wanted;

	if (!read_socket_call(env, info, &call) || call.socket->on_packets == NULL)
		return number(env, -EBADF);
	if (!read_int(&call, 1, &wanted))
		return number(env, -EINVAL);
	call.socket->poll_events = UV_READABLE | (wanted != 0 ? UV_WRITABLE : 0);
	return number(env, uv_poll_start(&call.socket->poll, call.socket->poll_events, socket_ready));
}

static napi_value js_local_port(napi_env env, napi_callback_info info) {
	struct call call;

	return number(env, read_socket_call(env, info, &call) ? socket_local_port(call.socket) : -EBADF);
}

/* connect(socket, address, port) */
static napi_value js_connect(napi_env env, napi_callback_info info) {
	struct call call;
	char address[INET6_ADDRSTRLEN + 1];
	int port;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	if (!read_text(&call, 1, address, sizeof(address)) || !read_int(&call, 2, &port))
		return number(env, -EINVAL);
	return number(env, socket_connect(call.socket, address, port));
}

/* peerAddress(socket, slot): text, or a negative errno */
static napi_value js_peer_address(napi_env env, napi_callback_info info) {
	struct call call;
	char text[INET6_ADDRSTRLEN];
	napi_value out;
	int slot;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	if (!read_int(&call, 1, &slot) || slot < 0 || slot >= PEER_SLOTS ||
	    call.socket->peers[slot].any.sa_family == AF_UNSPEC)
		return number(env, -EINVAL);
	format_address(&call.socket->peers[slot], text, sizeof(text));
	return napi_create_string_latin1(env, text, NAPI_AUTO_LENGTH, &out) == napi_ok ? out : number(env, -ENOMEM);
}

/* setDestination(socket, index, address) */
static napi_value js_set_destination(napi_env env, napi_callback_info info) {
	struct call call;
	char address[INET6_ADDRSTRLEN + 1];
	int index, error;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	if (!read_int(&call, 1, &index) || index < 0 || index >= DESTINATIONS ||
	    !read_text(&call, 2, address, sizeof(address)))
		return number(env, -EINVAL);
	error = parse_address(call.socket->family, address, 0, &call.socket->destinations[index]);
	call.socket->destination_known[index] = error == 0;
	return number(env, error);
}

/* send(socket, bytes, fields, count, results): results become [sent, errors, last errno, last packet too big] */
static napi_value js_send(napi_env env, napi_callback_info info) {
	struct call call;
	struct send_result result = {0, 0, 0, -1};
	void *bytes, *fields, *results;
	size_t byte_count, field_count, result_count;
	int count, error;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	if (!read_array(&call, 1, napi_uint8_array, &bytes, &byte_count) ||
	    !read_array(&call, 2, napi_int32_array, &fields, &field_count) || !read_int(&call, 3, &count) ||
	    !read_array(&call, 4, napi_int32_array, &results, &result_count) || result_count < 4 || count < 0 ||
	    (size_t)count > field_count / SEND_FIELDS)
		return number(env, -EINVAL);
	error = send_packets(call.socket, bytes, byte_count, fields, count, &result);
	((int32_t *)results)[0] = result.sent;
	((int32_t *)results)[1] = result.errors;
	((int32_t *)results)[2] = result.last_errno;
	((int32_t *)results)[3] = result.too_big;
	return number(env, error);
}

/* receiveDrops(socket): datagrams that could not be handed over */
static napi_value js_receive_drops(napi_env env, napi_callback_info info) {
	struct call call;

	return number(env, read_socket_call(env, info, &call) ? (int)(call.socket->receive_drops & 0x7fffffff) : -EBADF);
}

static napi_value js_close(napi_env env, napi_callback_info info) {
	struct call call;

	if (!read_socket_call(env, info, &call))
		return number(env, -EBADF);
	close_socket(call.socket);
	return number(env, 0);
}

NAPI_MODULE_INIT() {
	static const struct {
		const char *name;
		napi_callback function;
	} functions[] = {
	        {"open", js_open},
	        {"start", js_start},
	        {"wantWritable", js_want_writable},
	        {"localPort", js_local_port},
	        {"connect", js_connect},
	        {"peerAddress", js_peer_address},
	        {"setDestination", js_set_destination},
	        {"send", js_send},
	        {"receiveDrops", js_receive_drops},
	        {"close", js_close},
	        {"linkOpen", js_link_open},
	        {"linkSend", js_link_send},
	        {"linkReceive", js_link_receive},
	        {"linkClose", js_link_close},
	};

	for (size_t at = 0; at < sizeof(functions) / sizeof(functions[0]); at++) {
		napi_value function;

		if (napi_create_function(env, functions[at].name, NAPI_AUTO_LENGTH, functions[at].function, NULL, &function) !=
		        napi_ok ||
		    napi_set_named_property(env, exports, functions[at].name, function) != napi_ok)
			return NULL;
	}
	return exports;
}
