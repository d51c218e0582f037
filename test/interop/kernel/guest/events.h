/* Notifications of the kernel (RFC 6458 section 6.1), as JSON lines. */
#ifndef KERNEL_PEER_EVENTS_H
#define KERNEL_PEER_EVENTS_H

#include "sockets.h"

static const uint16_t standard_events[] = {
	SCTP_ASSOC_CHANGE,         SCTP_PEER_ADDR_CHANGE,     SCTP_SEND_FAILED_EVENT,    SCTP_REMOTE_ERROR,
	SCTP_SHUTDOWN_EVENT,       SCTP_PARTIAL_DELIVERY_EVENT, SCTP_ADAPTATION_INDICATION, SCTP_AUTHENTICATION_EVENT,
	SCTP_STREAM_RESET_EVENT,   SCTP_ASSOC_RESET_EVENT,    SCTP_STREAM_CHANGE_EVENT,
};

static int subscribe(int fd, uint16_t type, bool on) {
	struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = type, .se_on = on};
	return setsockopt(fd, IPPROTO_SCTP, SCTP_EVENT, &event, sizeof event);
}

static int subscribe_all(int fd) {
	for (size_t at = 0; at < sizeof standard_events / sizeof *standard_events; at++) {
		if (subscribe(fd, standard_events[at], true) < 0) {
			return -1;
		}
	}
	return 0;
}

static const char *name_of(const char *const *names, size_t count, int value) {
	return value >= 0 && (size_t)value < count ? names[value] : "unknown";
}
#define NAME(names, value) name_of(names, sizeof(names) / sizeof *(names), value)

static const char *const change_names[] = {"comm-up", "comm-lost", "restart", "shutdown-complete", "cant-start"};
static const char *const path_names[] = {"available", "unreachable",  "removed",   "added",
                                         "primary",   "confirmed",    "potentially-failed"};

static void open_event(const struct peer_socket *each, const char *name) {
	say("{\"event\":\"%s\",\"socket\":%u", name, index_of(each));
}

static void report_association(struct peer_socket *each, const struct sctp_assoc_change *change) {
	if (change->sac_state == SCTP_COMM_UP || change->sac_state == SCTP_RESTART) {
		/* Numbers begin anew on both sides. */
		forget_traffic(each);
		if (each->many) {
			each->association = change->sac_assoc_id;
		}
	}
	open_event(each, "association-change");
	say(",\"state\":\"%s\",\"cause\":%u,\"association\":%d,\"outboundStreams\":%u,\"inboundStreams\":%u}",
	    NAME(change_names, change->sac_state), change->sac_state == SCTP_COMM_LOST ? ntohs(change->sac_error) : change->sac_error, change->sac_assoc_id, change->sac_outbound_streams,
	    change->sac_inbound_streams);
	end_line();
}

static void report_reset(const struct peer_socket *each, const struct sctp_stream_reset_event *reset) {
	open_event(each, "stream-reset");
	say(",\"flags\":%u,\"streams\":[", reset->strreset_flags);
	size_t count = (reset->strreset_length - sizeof *reset) / sizeof(uint16_t);
	for (size_t at = 0; at < count; at++) {
		say("%s%u", at == 0 ? "" : ",", reset->strreset_stream_list[at]);
	}
	say("]}");
	end_line();
}

static void report_notification(struct peer_socket *each, const union sctp_notification *told) {
	switch (told->sn_header.sn_type) {
	case SCTP_ASSOC_CHANGE:
		report_association(each, &told->sn_assoc_change);
		return;
	case SCTP_STREAM_RESET_EVENT:
		report_reset(each, &told->sn_strreset_event);
		return;
	case SCTP_PEER_ADDR_CHANGE:
		open_event(each, "peer-address-change");
		say(",\"address\":\"%s\",\"state\":\"%s\"", address_text((const char *)told + offsetof(struct sctp_paddr_change, spc_aaddr)),
		    NAME(path_names, told->sn_paddr_change.spc_state));
		break;
	case SCTP_SEND_FAILED_EVENT:
		open_event(each, "send-failed");
		say(",\"stream\":%u,\"sent\":%s,\"cause\":%u", told->sn_send_failed_event.ssfe_info.snd_sid,
		    told->sn_send_failed_event.ssf_flags == SCTP_DATA_SENT ? "true" : "false",
		    told->sn_send_failed_event.ssf_error);
		break;
	case SCTP_REMOTE_ERROR:
		open_event(each, "remote-error");
		say(",\"cause\":%u", ntohs(told->sn_remote_error.sre_error));
		break;
	case SCTP_SHUTDOWN_EVENT:
		open_event(each, "shutdown");
		break;
	case SCTP_PARTIAL_DELIVERY_EVENT:
		open_event(each, "partial-delivery-aborted");
		say(",\"stream\":%u", told->sn_pdapi_event.pdapi_stream);
		break;
	case SCTP_ADAPTATION_INDICATION:
		open_event(each, "adaptation");
		say(",\"indication\":%u", told->sn_adaptation_event.sai_adaptation_ind);
		break;
	case SCTP_AUTHENTICATION_EVENT:
		open_event(each, "authentication");
		say(",\"key\":%u,\"indication\":%u", told->sn_authkey_event.auth_keynumber,
		    told->sn_authkey_event.auth_indication);
		break;
	case SCTP_SENDER_DRY_EVENT:
		open_event(each, "sender-dry");
		break;
	case SCTP_ASSOC_RESET_EVENT:
		open_event(each, "association-reset");
		say(",\"flags\":%u", told->sn_assocreset_event.assocreset_flags);
		break;
	case SCTP_STREAM_CHANGE_EVENT:
		open_event(each, "stream-change");
		say(",\"flags\":%u,\"inboundStreams\":%u,\"outboundStreams\":%u", told->sn_strchange_event.strchange_flags,
		    told->sn_strchange_event.strchange_instrms, told->sn_strchange_event.strchange_outstrms);
		break;
	default:
		open_event(each, "unknown");
		say(",\"type\":%u", told->sn_header.sn_type);
	}
	say("}");
	end_line();
}

#endif
