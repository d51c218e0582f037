/* What the kernel says of an association, and what arrived. */
#ifndef KERNEL_PEER_STATUS_H
#define KERNEL_PEER_STATUS_H

#include "sockets.h"

static const char *const phase_names[] = {"empty",       "closed",           "cookie-wait",   "cookie-echoed",    "established",
                                          "shutdown-pending", "shutdown-sent", "shutdown-received", "shutdown-ack-sent"};

static const char *path_state(int state) {
	return state == SCTP_ACTIVE        ? "active"
	       : state == SCTP_INACTIVE    ? "inactive"
	       : state == SCTP_PF          ? "potentially-failed"
	       : state == SCTP_UNCONFIRMED ? "unconfirmed"
	                                   : "unknown";
}

static void say_paths(const struct peer_socket *each) {
	union {
		struct sctp_getaddrs head;
		uint8_t bytes[sizeof(struct sctp_getaddrs) + MAX_ADDRESSES * sizeof(struct sockaddr_in6)];
	} list;
	memset(&list, 0, sizeof list);
	list.head.assoc_id = each->association;
	socklen_t length = sizeof list;
	if (getsockopt(each->fd, IPPROTO_SCTP, SCTP_GET_PEER_ADDRS, &list, &length) < 0) {
		return;
	}
	const uint8_t *next = list.head.addrs;
	for (uint32_t at = 0; at < list.head.addr_num; at++) {
		socklen_t bytes = address_length(((const struct sockaddr *)next)->sa_family);
		struct sctp_paddrinfo path;
		memset(&path, 0, sizeof path);
		path.spinfo_assoc_id = each->association;
		memcpy((uint8_t *)&path + offsetof(struct sctp_paddrinfo, spinfo_address), next, bytes);
		length = sizeof path;
		getsockopt(each->fd, IPPROTO_SCTP, SCTP_GET_PEER_ADDR_INFO, &path, &length);
		say("%s{\"address\":\"%s\",\"state\":\"%s\",\"rtoMs\":%u,\"smoothedRttMs\":%u,\"windowBytes\":%u,\"mtuBytes\":%u}",
		    at == 0 ? "" : ",", address_text(next), path_state(path.spinfo_state), path.spinfo_rto, path.spinfo_srtt,
		    path.spinfo_cwnd, path.spinfo_mtu);
		next += bytes;
	}
}

static void answer_status(const struct peer_socket *each) {
	struct sctp_status status = {.sstat_assoc_id = each->association};
	struct sctp_assoc_stats counts = {.sas_assoc_id = each->association};
	socklen_t length = sizeof status;
	if (getsockopt(each->fd, IPPROTO_SCTP, SCTP_STATUS, &status, &length) < 0) {
		fail("status: %s", strerror(errno));
		return;
	}
	length = sizeof counts;
	getsockopt(each->fd, IPPROTO_SCTP, SCTP_GET_ASSOC_STATS, &counts, &length);
	bool known = status.sstat_state >= 0 && status.sstat_state <= SCTP_SHUTDOWN_ACK_SENT;
	say("{\"reply\":%u,\"phase\":\"%s\",\"inboundStreams\":%u,\"outboundStreams\":%u,\"unacknowledged\":%u,\"primary\":\"%s\"",
	    answering, known ? phase_names[status.sstat_state] : "unknown", status.sstat_instrms, status.sstat_outstrms,
	    status.sstat_unackdata,
	    address_text((uint8_t *)&status + offsetof(struct sctp_status, sstat_primary) +
	                 offsetof(struct sctp_paddrinfo, spinfo_address)));
	say(",\"counts\":{\"retransmittedChunks\":%llu,\"duplicateChunks\":%llu,\"gapAcknowledgements\":%llu,"
	    "\"packetsSent\":%llu,\"packetsReceived\":%llu}",
	    counts.sas_rtxchunks, counts.sas_idupchunks, counts.sas_gapcnt, counts.sas_opackets, counts.sas_ipackets);
	say(",\"paths\":[");
	say_paths(each);
	say("]}");
	end_line();
}

static void answer_received(const struct peer_socket *each) {
	say("{\"reply\":%u,\"streams\":[", answering);
	bool first = true;
	for (unsigned int stream = 0; stream < MAX_STREAMS; stream++) {
		const struct tally *tally = &each->tallies[stream];
		if (tally->messages == 0) {
			continue;
		}
		say("%s{\"stream\":%u,\"messages\":%u,\"next\":%u,\"missing\":%u,\"late\":%u,\"damaged\":%u,\"bytes\":%llu}",
		    first ? "" : ",", stream, tally->messages, tally->next, tally->missing, tally->late, tally->damaged,
		    (unsigned long long)tally->bytes);
		first = false;
	}
	say("]}");
	end_line();
}

#endif
