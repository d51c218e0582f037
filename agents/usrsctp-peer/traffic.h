/* Test messages on their way: the paced load, the check of what arrives, and its echo. */
#ifndef UNDERSTUDY_TRAFFIC_H
#define UNDERSTUDY_TRAFFIC_H

#include "association.h"
#include "tally.h"

#define ECHO_QUEUE_BYTES (4u * 1024 * 1024)
#define ECHO_QUEUE_SLOTS 8192u
/* How much of the past a sender that could not run catches up with; the rest is left out. */
#define CATCH_UP_US 100000u
#define MESSAGES_A_TURN 256

struct echo {
	struct message_header header;
	size_t size;
};

static struct options options;
static struct {
	bool on;
	uint64_t interval_ns;
	uint64_t due_ns;
	size_t size;
	uint32_t streams;
	uint32_t turn;
} load;

/* Message numbers go on when a load is stopped and another one started. */
static uint32_t next_number[MAX_STREAMS];
static uint64_t sent_count[FLOW_COUNT][MAX_STREAMS];
static struct tally tallies[FLOW_COUNT][MAX_STREAMS];
static struct counts counts;

/* Echoes that the socket would not take yet, oldest first. Their payload follows from their header. */
static struct echo echo_queue[ECHO_QUEUE_SLOTS];
static uint32_t echo_first;
static uint32_t echo_count;
static size_t echo_bytes;

static enum flow own_flow(void) { return options.listen ? FLOW_DOWN : FLOW_UP; }

/* False when the socket takes nothing now; the message is then to be offered again. */
static bool send_message(struct message_header header, size_t size) {
	static uint8_t bytes[MESSAGE_MAX];
	uint64_t now_us = epoch_us();
	message_write(bytes, size, header, now_us);
	struct sctp_sndinfo info = {.snd_sid = header.stream, .snd_ppid = htonl(42)};
	ssize_t taken =
		usrsctp_sendv(socket_open, bytes, size, NULL, 0, &info, sizeof info, SCTP_SENDV_SNDINFO, 0);
	if (taken == (ssize_t)size) {
		sent_count[header.flow][header.stream]++;
		report_message(true, header, size, true, now_us);
		return true;
	}
	if (taken >= 0) {
		abort();
	}
	if (errno != EWOULDBLOCK && errno != EAGAIN && errno != ENOBUFS && association_up) {
		report_event("note", "The socket refused a message; the association is going down.", "");
		load.on = false;
		echo_count = 0;
		echo_bytes = 0;
	}
	return false;
}

static void drain_echoes(void) {
	while (echo_count > 0 && association_up) {
		struct echo *oldest = &echo_queue[echo_first];
		if (!send_message(oldest->header, oldest->size) || echo_count == 0) {
			return;
		}
		echo_bytes -= oldest->size;
		echo_first = (echo_first + 1) % ECHO_QUEUE_SLOTS;
		echo_count--;
	}
}

/* Room for one more message of any size; without it the socket is not read, and its window closes. */
static bool echo_room(void) {
	return echo_count < ECHO_QUEUE_SLOTS && echo_bytes + MESSAGE_MAX <= ECHO_QUEUE_BYTES;
}

static void on_message(const uint8_t *bytes, size_t size, uint16_t stream) {
	struct message_header header;
	uint64_t now_us = epoch_us();
	bool intact = message_read(bytes, size, stream, &header);
	if (!intact) {
		counts.damaged++;
	}
	if (header.flow == FLOW_COUNT || stream >= MAX_STREAMS) {
		report_event("note", "A message arrived that is no test message.", "");
		return;
	}
	report_message(false, header, size, intact, now_us);
	if (!intact) {
		return;
	}
	tally_add(&tallies[header.flow][stream], &counts, header.number);
	if (header.flow != FLOW_DOWN || options.listen) {
		return;
	}
	if (stream >= outbound_streams) {
		report_event("note", "A message cannot be echoed: this side has no stream of that number.", "");
		return;
	}
	header.flow = FLOW_ECHO;
	echo_queue[(echo_first + echo_count) % ECHO_QUEUE_SLOTS] = (struct echo){.header = header, .size = size};
	echo_count++;
	echo_bytes += size;
}

static void receive(void) {
	/* One byte more than the longest message, so that a longer one shows. */
	static uint8_t bytes[MESSAGE_MAX + 1];
	static size_t filled;
	for (int turn = 0; turn < MESSAGES_A_TURN && echo_room(); turn++) {
		struct sctp_rcvinfo info = {0};
		struct sockaddr_storage from;
		socklen_t from_length = sizeof from;
		socklen_t info_length = sizeof info;
		unsigned int info_type = 0;
		int flags = 0;
		ssize_t got = usrsctp_recvv(socket_open, bytes + filled, sizeof bytes - filled, (struct sockaddr *)&from,
		                            &from_length, &info, &info_length, &info_type, &flags);
		if (got <= 0) {
			return;
		}
		if (flags & MSG_NOTIFICATION) {
			on_notification(bytes + filled, (size_t)got);
			continue;
		}
		filled += (size_t)got;
		if (!(flags & MSG_EOR) && filled < sizeof bytes) {
			continue;
		}
		on_message(bytes, filled, info.rcv_sid);
		filled = 0;
		drain_echoes();
	}
}

static void pace_load(void) {
	uint64_t now_ns = steady_us() * 1000u;
	if (load.due_ns + CATCH_UP_US * 1000u < now_ns) {
		load.due_ns = now_ns;
	}
	while (load.on && association_up && load.due_ns <= now_ns) {
		uint16_t stream = (uint16_t)(load.turn % load.streams);
		struct message_header header = {.flow = own_flow(), .stream = stream, .number = next_number[stream]};
		/* Echoes that found no room go first. */
		if (echo_count > 0 || !send_message(header, load.size)) {
			return;
		}
		next_number[stream]++;
		load.turn++;
		load.due_ns += load.interval_ns;
	}
}

static void report_totals(void) {
	uint64_t lost = 0;
	for (int flow = 0; flow < FLOW_COUNT; flow++) {
		for (int stream = 0; stream < MAX_STREAMS; stream++) {
			lost += tallies[flow][stream].missing;
		}
	}
	report_flush();
	write_all("{\"type\":\"totals\",\"totals\":[", 27);
	const char *comma = "";
	for (int flow = 0; flow < FLOW_COUNT; flow++) {
		for (int stream = 0; stream < MAX_STREAMS; stream++) {
			char entry[128];
			if (sent_count[flow][stream] == 0) {
				continue;
			}
			int length = snprintf(entry, sizeof entry, "%s{\"flow\":\"%s\",\"streamId\":%d,\"sent\":%llu}", comma,
			                      flow_names[flow], stream, (unsigned long long)sent_count[flow][stream]);
			write_all(entry, (size_t)length);
			comma = ",";
		}
	}
	report_line("],\"counts\":{\"lost\":%llu,\"duplicated\":%llu,\"reordered\":%llu,\"damaged\":%llu}}",
	            (unsigned long long)lost, (unsigned long long)counts.duplicated,
	            (unsigned long long)counts.reordered, (unsigned long long)counts.damaged);
}

#endif
