/*
 * Numbered messages: sent, checked, echoed. Byte 0 to 3 of a message hold its number on its stream, least
 * byte first, as far as the message is long enough; the other bytes follow from number, stream and place.
 */
#ifndef KERNEL_PEER_TRAFFIC_H
#define KERNEL_PEER_TRAFFIC_H

#include "events.h"

static uint8_t byte_at(uint32_t number, uint16_t stream, uint32_t at) {
	if (at < 4) {
		return (uint8_t)(number >> (8 * at));
	}
	return (uint8_t)(number * 7 + stream * 13u + at * 31 + (at >> 8));
}

/* Messages below four bytes show the low bytes of their number only: the next number with these is meant. */
static uint32_t number_of(const uint8_t *bytes, size_t length, uint32_t expected) {
	uint32_t number = 0;
	for (size_t at = 0; at < 4 && at < length; at++) {
		number |= (uint32_t)bytes[at] << (8 * at);
	}
	if (length >= 4) {
		return number;
	}
	uint32_t mask = (1u << (8 * length)) - 1;
	return expected + ((number - expected) & mask);
}

static void count_message(struct tally *tally, uint16_t stream, const uint8_t *bytes, size_t length) {
	uint32_t number = number_of(bytes, length, tally->next);
	tally->messages += 1;
	tally->bytes += length;
	for (uint32_t at = 0; at < length; at++) {
		if (bytes[at] != byte_at(number, stream, at)) {
			tally->damaged += 1;
			return;
		}
	}
	if (number < tally->next) {
		tally->late += 1;
		return;
	}
	tally->missing += number - tally->next;
	tally->next = number + 1;
}

/* Whether it went; false: no room now (errno EAGAIN) or another error. */
static bool send_message(const struct peer_socket *each, const uint8_t *bytes, size_t length, struct sctp_sndinfo info,
                         struct sctp_prinfo priority) {
	union {
		char bytes[CMSG_SPACE(sizeof info) + CMSG_SPACE(sizeof priority)];
		struct cmsghdr align;
	} control;
	memset(&control, 0, sizeof control);
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = IPPROTO_SCTP;
	header->cmsg_type = SCTP_SNDINFO;
	header->cmsg_len = CMSG_LEN(sizeof info);
	info.snd_assoc_id = each->association;
	memcpy(CMSG_DATA(header), &info, sizeof info);
	if (priority.pr_policy == SCTP_PR_SCTP_NONE) {
		message.msg_controllen = CMSG_SPACE(sizeof info);
	} else {
		header = CMSG_NXTHDR(&message, header);
		header->cmsg_level = IPPROTO_SCTP;
		header->cmsg_type = SCTP_PRINFO;
		header->cmsg_len = CMSG_LEN(sizeof priority);
		memcpy(CMSG_DATA(header), &priority, sizeof priority);
	}
	return sendmsg(each->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static void report_send_error(const struct peer_socket *each) {
	open_event(each, "send-error");
	say(",\"message\":\"%s\"}", strerror(errno));
	end_line();
}

/* Sends as much of the load as there is room for. */
static void pump(struct peer_socket *each) {
	static uint8_t bytes[MESSAGE_BYTES];
	struct load *load = &each->load;
	/* So that commands and arrivals have their turn too. */
	unsigned int budget = 64;
	while (load->left > 0 && budget-- > 0) {
		uint16_t stream = (uint16_t)(load->turn % load->streams);
		uint32_t size = load->sizes[load->turn % load->size_count];
		uint32_t number = each->sent_on[stream];
		for (uint32_t at = 0; at < size; at++) {
			bytes[at] = byte_at(number, stream, at);
		}
		struct sctp_sndinfo info = {.snd_sid = stream, .snd_flags = load->flags, .snd_ppid = htonl(number)};
		struct sctp_prinfo priority = {.pr_policy = load->policy, .pr_value = load->policy_value};
		if (!send_message(each, bytes, size, info, priority)) {
			if (errno != EAGAIN) {
				load->left = 0;
				report_send_error(each);
			}
			return;
		}
		each->sent_on[stream] = number + 1;
		load->turn += 1;
		load->left -= 1;
		if (load->left == 0) {
			open_event(each, "load-sent");
			say("}");
			end_line();
		}
	}
}

static void pump_echo(struct peer_socket *each) {
	struct echo *echo = &each->echo;
	struct sctp_sndinfo info = {.snd_sid = echo->stream, .snd_flags = echo->flags, .snd_ppid = echo->ppid};
	struct sctp_prinfo priority = {.pr_policy = SCTP_PR_SCTP_NONE};
	if (!send_message(each, echo->bytes, echo->length, info, priority)) {
		if (errno == EAGAIN) {
			return;
		}
		report_send_error(each);
	}
	free(echo->bytes);
	echo->bytes = NULL;
}

static void take_message(struct peer_socket *each, const struct sctp_rcvinfo *info) {
	struct tally *tally = &each->tallies[info->rcv_sid];
	count_message(tally, info->rcv_sid, tally->partial, tally->partial_bytes);
	if (each->echoes) {
		each->echo = (struct echo){.bytes = tally->partial,
		                           .length = tally->partial_bytes,
		                           .stream = info->rcv_sid,
		                           .flags = info->rcv_flags & SCTP_UNORDERED,
		                           .ppid = info->rcv_ppid};
		tally->partial = NULL;
		pump_echo(each);
	}
	tally->partial_bytes = 0;
}

/* Takes one message, a part of one, or a notification; false when there is nothing (or the end) to read. */
static bool receive(struct peer_socket *each) {
	static union {
		uint8_t bytes[MESSAGE_BYTES];
		union sctp_notification notification;
	} buffer;
	union {
		char bytes[256];
		struct cmsghdr align;
	} control;
	struct iovec part = {.iov_base = buffer.bytes, .iov_len = sizeof buffer.bytes};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t length = recvmsg(each->fd, &message, MSG_DONTWAIT);
	if (length < 0) {
		if (errno == EAGAIN) {
			return false;
		}
		if (errno == ENOTCONN) {
			each->ended = true;
			return false;
		}
		/* An error of the association (reset, refused, timed out) is reported once; notifications may follow. */
		open_event(each, "receive-error");
		say(",\"message\":\"%s\"}", strerror(errno));
		end_line();
		return true;
	}
	if (message.msg_flags & MSG_NOTIFICATION) {
		report_notification(each, &buffer.notification);
		return true;
	}
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (length == 0 || header == NULL || header->cmsg_type != SCTP_RCVINFO) {
		each->ended = true;
		return false;
	}
	struct sctp_rcvinfo info;
	memcpy(&info, CMSG_DATA(header), sizeof info);
	struct tally *tally = &each->tallies[info.rcv_sid % MAX_STREAMS];
	uint8_t *grown = realloc(tally->partial, tally->partial_bytes + (size_t)length);
	if (info.rcv_sid >= MAX_STREAMS || grown == NULL) {
		abort();
	}
	memcpy(grown + tally->partial_bytes, buffer.bytes, (size_t)length);
	tally->partial = grown;
	tally->partial_bytes += (size_t)length;
	if (message.msg_flags & MSG_EOR) {
		take_message(each, &info);
	}
	return true;
}

#endif
