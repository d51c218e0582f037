#include "understudy-io.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINK_ADDRESS_BYTES = 6,
	/* ARP has 28 bytes, a neighbour advertisement with its option and IPv6 header 72. */
	LINK_FRAME_BYTES = 256,
};

/*
 * A packet socket for the frames of one device that say who has an address: ARP (RFC 826), or neighbour solicitations and
 * advertisements (RFC 4861). It is read now and then, so nothing polls it.
 */
struct link_socket {
	int fd;
	int device;
	uint16_t protocol;
};

static const napi_type_tag link_tag = {0x756e646572737475ULL, 0x64792d6c6b2d7631ULL};

/* Offsets count from the IPv6 header: next header 58 with nothing in between (RFC 4861 section 4), then type 135 or 136. */
static int only_neighbour_discovery(int fd) {
	struct sock_filter code[] = {
	        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 58, 0, 3),
	        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 2, 0),
	        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 1, 0), BPF_STMT(BPF_RET | BPF_K, 0),
	        BPF_STMT(BPF_RET | BPF_K, LINK_FRAME_BYTES),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0 ? 0 : -errno;
}

/* Nothing arrives before the filter is there: only bind says which protocol is wanted. */
static int open_link(struct link_socket *link, const char *device, int family) {
	struct sockaddr_ll place = {.sll_family = AF_PACKET};
	int error = 0;

	link->device = (int)if_nametoindex(device);
	if (link->device == 0)
		return -errno;
	link->protocol = htons(family == 4 ? ETH_P_ARP : ETH_P_IPV6);
	link->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return -errno;
	if (family == 6)
		error = only_neighbour_discovery(link->fd);
	place.sll_protocol = link->protocol;
	place.sll_ifindex = link->device;
	if (error == 0 && bind(link->fd, (struct sockaddr *)&place, sizeof(place)) != 0)
		error = -errno;
	return error;
}

static void close_link(struct link_socket *link) {
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
}

static void link_released(napi_env env, void *data, void *hint) {
	(void)env;
	(void)hint;
	close_link(data);
	free(data);
}

/* linkOpen(device, family 4|6): a link socket, or a negative errno */
napi_value js_link_open(napi_env env, napi_callback_info info) {
	struct call call;
	struct link_socket *link;
	char device[IF_NAMESIZE + 1];
	int family, error;
	napi_value object;

	read_call(env, info, &call);
	if (!read_text(&call, 0, device, sizeof(device)) || !read_int(&call, 1, &family) || (family != 4 && family != 6))
		return number(env, -EINVAL);
	link = calloc(1, sizeof(*link));
	if (link == NULL)
		return number(env, -ENOMEM);
	link->fd = -1;
	error = open_link(link, device, family);
	if (error == 0 && (napi_create_object(env, &object) != napi_ok ||
	                   napi_type_tag_object(env, object, &link_tag) != napi_ok ||
	                   napi_wrap(env, object, link, link_released, NULL, NULL) != napi_ok))
		error = -ENOMEM;
	if (error == 0)
		return object;
	link_released(env, link, NULL);
	return number(env, error);
}

static struct link_socket *read_link(napi_env env, napi_callback_info info, struct call *call) {
	bool tagged = false;
	napi_valuetype type;
	void *data = NULL;

	read_call(env, info, call);
	if (napi_typeof(env, call->argv[0], &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(env, call->argv[0], &link_tag, &tagged) != napi_ok || !tagged ||
	    napi_unwrap(env, call->argv[0], &data) != napi_ok || ((struct link_socket *)data)->fd < 0)
		return NULL;
	return data;
}

/* linkSend(link, to, bytes): what follows the Ethernet header, to a link-layer address */
napi_value js_link_send(napi_env env, napi_callback_info info) {
	struct call call;
	struct link_socket *link = read_link(env, info, &call);
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_halen = LINK_ADDRESS_BYTES};
	void *address, *bytes;
	size_t address_length, length;

	if (link == NULL)
		return number(env, -EBADF);
	if (!read_array(&call, 1, napi_uint8_array, &address, &address_length) || address_length != LINK_ADDRESS_BYTES ||
	    !read_array(&call, 2, napi_uint8_array, &bytes, &length) || length > LINK_FRAME_BYTES)
		return number(env, -EINVAL);
	to.sll_protocol = link->protocol;
	to.sll_ifindex = link->device;
	memcpy(to.sll_addr, address, LINK_ADDRESS_BYTES);
	return number(env, sendto(link->fd, bytes, length, 0, (struct sockaddr *)&to, sizeof(to)) < 0 ? -errno : 0);
}

/* linkReceive(link): the sender's link-layer address and what followed the Ethernet header; 0 when nothing is there */
napi_value js_link_receive(napi_env env, napi_callback_info info) {
	struct call call;
	struct link_socket *link = read_link(env, info, &call);
	uint8_t frame[LINK_ADDRESS_BYTES + LINK_FRAME_BYTES];
	struct sockaddr_ll from;
	ssize_t length;
	napi_value out;
	void *data;

	if (link == NULL)
		return number(env, -EBADF);
	do {
		socklen_t from_bytes = sizeof(from);

		length = recvfrom(link->fd, frame + LINK_ADDRESS_BYTES, LINK_FRAME_BYTES, 0, (struct sockaddr *)&from,
		                  &from_bytes);
	} while (length >= 0 && (from.sll_pkttype == PACKET_OUTGOING || from.sll_halen != LINK_ADDRESS_BYTES));
	if (length < 0)
		return number(env, errno == EAGAIN ? 0 : -errno);
	memcpy(frame, from.sll_addr, LINK_ADDRESS_BYTES);
	if (napi_create_arraybuffer(env, LINK_ADDRESS_BYTES + (size_t)length, &data, &out) != napi_ok)
		return number(env, -ENOMEM);
	memcpy(data, frame, LINK_ADDRESS_BYTES + (size_t)length);
	return out;
}

napi_value js_link_close(napi_env env, napi_callback_info info) {
	struct call call;
	struct link_socket *link = read_link(env, info, &call);

	if (link != NULL)
		close_link(link);
	return number(env, 0);
}
