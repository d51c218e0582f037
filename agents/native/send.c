#include "understudy-io.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/ioctl.h>

static const int32_t *fields_of(const int32_t *fields, int packet) {
	return fields + (size_t)packet * SEND_FIELDS;
}

/* How many packets from `first` on can go as one: the same way and length, the last may be shorter. */
static int segments_from(const int32_t *fields, int first, int count) {
	const int32_t *head = fields_of(fields, first);
	int total = head[0];
	int segments = 1;

	if ((head[3] & SEND_PROBE) != 0)
		return 1;
	while (first + segments < count && segments < GSO_SEGMENTS) {
		const int32_t *next = fields_of(fields, first + segments);

		if (next[1] != head[1] || next[2] != head[2] || next[3] != head[3] || next[0] > head[0] ||
		    total + next[0] > GSO_BYTES)
			break;
		total += next[0];
		segments += 1;
		if (next[0] < head[0])
			break;
	}
	return segments;
}

static void set_segment_bytes(struct msghdr *header, struct control_buffer *control, uint16_t segment_bytes) {
	struct cmsghdr *each;

	header->msg_control = control->bytes;
	header->msg_controllen = CMSG_SPACE(sizeof(uint16_t));
	each = CMSG_FIRSTHDR(header);
	each->cmsg_level = IPPROTO_UDP;
	each->cmsg_type = UDP_SEGMENT;
	each->cmsg_len = CMSG_LEN(sizeof(uint16_t));
	memcpy(CMSG_DATA(each), &segment_bytes, sizeof(segment_bytes));
}

/* Makes messages out of packets [first, end) and answers how many; `bytes` belong to the first packet. */
static int build_messages(struct io_socket *socket, uint8_t *bytes, const int32_t *fields, int first, int end, bool gso) {
	int messages = 0;

	while (first < end) {
		const int32_t *head = fields_of(fields, first);
		struct msghdr *header = &socket->send_messages[messages].msg_hdr;
		int segments = gso ? segments_from(fields, first, end) : 1;
		size_t length = 0;

		memset(header, 0, sizeof(*header));
		for (int segment = 0; segment < segments; segment++)
			length += (size_t)fields_of(fields, first + segment)[0];
		socket->send_vectors[messages].iov_base = bytes;
		socket->send_vectors[messages].iov_len = length;
		header->msg_iov = &socket->send_vectors[messages];
		header->msg_iovlen = 1;
		if (!socket->connected) {
			union address *name = &socket->send_names[messages];

			*name = socket->destinations[head[1]];
			if (socket->family == AF_INET)
				name->v4.sin_port = htons((uint16_t)(socket->raw ? 0 : head[2]));
			else
				name->v6.sin6_port = htons((uint16_t)(socket->raw ? 0 : head[2]));
			header->msg_name = name;
			header->msg_namelen = address_bytes(socket->family);
		}
		if (segments > 1)
			set_segment_bytes(header, &socket->send_controls[messages], (uint16_t)head[0]);
		socket->send_counts[messages] = segments;
		bytes += length;
		first += segments;
		messages += 1;
	}
	return messages;
}

static void refused(struct send_result *result, int packet, int error) {
	result->errors += 1;
	result->last_errno = error;
	if (error == EMSGSIZE)
		result->too_big = packet;
}

/*
 * A raw socket says ENOBUFS where others say EAGAIN, but so does a queue of the interface that dropped the packet.
 * It is worth to wait only where the kernel will not call the socket writable at once, which it does while less than
 * half of the buffer is used.
 */
static bool has_no_room(const struct io_socket *socket, int error) {
	int used_bytes = 0;

	if (error != ENOBUFS)
		return error == EAGAIN || error == EWOULDBLOCK;
	return ioctl(socket->fd, SIOCOUTQ, &used_bytes) == 0 && used_bytes >= socket->send_buffer_bytes / 2;
}

/* One by one, without GSO. Answers the number of packets that are done with; fewer than asked: no room. */
static int send_singly(struct io_socket *socket, uint8_t *bytes, const int32_t *fields, int first, int end,
                       struct send_result *result) {
	for (int packet = first; packet < end; packet++) {
		bool probe = (fields_of(fields, packet)[3] & SEND_PROBE) != 0;
		int error = 0;

		build_messages(socket, bytes, fields, packet, packet + 1, false);
		if (probe)
			(void)set_dont_fragment(socket, true);
		/* The first try may be told what ICMP said about an earlier packet. */
		for (int attempt = 0; attempt < 3; attempt++) {
			ssize_t sent = sendmsg(socket->fd, &socket->send_messages[0].msg_hdr, MSG_DONTWAIT | MSG_NOSIGNAL);

			error = sent < 0 ? errno : 0;
			if (error == 0 || has_no_room(socket, error) || error == EMSGSIZE)
				break;
		}
		if (probe)
			(void)set_dont_fragment(socket, false);
		if (has_no_room(socket, error))
			return packet - first;
		if (error == 0)
			result->sent += 1;
		else
			refused(result, packet, error);
		bytes += fields_of(fields, packet)[0];
	}
	return end - first;
}

/* Packets [first, end) without probes; the same answer. */
static int send_run(struct io_socket *socket, uint8_t *bytes, const int32_t *fields, int first, int end,
                    struct send_result *result) {
	int packet = first;

	while (packet < end) {
		int messages = build_messages(socket, bytes, fields, packet, end, socket->gso);
		int done = sendmmsg(socket->fd, socket->send_messages, (unsigned)messages, MSG_DONTWAIT | MSG_NOSIGNAL);
		int error = done < 0 ? errno : 0;

		for (int message = 0; message < done; message++) {
			result->sent += socket->send_counts[message];
			packet += socket->send_counts[message];
			bytes += socket->send_vectors[message].iov_len;
		}
		if (done < 0 && has_no_room(socket, error))
			break;
		if (done < 0) {
			/* Whatever the first message suffers from, one by one its packets may pass. */
			int segments = socket->send_counts[0];
			size_t length = socket->send_vectors[0].iov_len;
			int singly = send_singly(socket, bytes, fields, packet, packet + segments, result);

			if (error == EIO)
				socket->gso = false;
			packet += singly;
			if (singly < segments)
				break;
			bytes += length;
		}
	}
	return packet - first;
}

static int check_packets(const struct io_socket *socket, size_t total_bytes, const int32_t *fields, int count) {
	size_t needed = 0;

	if (count < 0 || count > SEND_PACKETS)
		return -EINVAL;
	for (int packet = 0; packet < count; packet++) {
		const int32_t *each = fields_of(fields, packet);

		if (each[0] <= 0 || each[0] > 65535 || each[2] < 0 || each[2] > 65535)
			return -EINVAL;
		if (!socket->connected && (each[1] < 0 || each[1] >= DESTINATIONS || !socket->destination_known[each[1]]))
			return -EINVAL;
		needed += (size_t)each[0];
	}
	return needed <= total_bytes ? 0 : -EINVAL;
}

int send_packets(struct io_socket *socket, uint8_t *bytes, size_t total_bytes, const int32_t *fields, int count,
                 struct send_result *result) {
	int error = check_packets(socket, total_bytes, fields, count);
	int packet = 0;

	if (error != 0)
		return error;
	while (packet < count) {
		bool probe = (fields_of(fields, packet)[3] & SEND_PROBE) != 0;
		int end = packet + 1;
		int done;

		while (!probe && end < count && (fields_of(fields, end)[3] & SEND_PROBE) == 0)
			end += 1;
		done = probe ? send_singly(socket, bytes, fields, packet, end, result)
		             : send_run(socket, bytes, fields, packet, end, result);
		if (done < end - packet)
			break;
		for (; packet < end; packet++)
			bytes += fields_of(fields, packet)[0];
	}
	return 0;
}
