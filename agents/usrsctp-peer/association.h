/* The SCTP side: a socket of libusrsctp with the wished parameters, and what it reports. */
#ifndef UNDERSTUDY_ASSOCIATION_H
#define UNDERSTUDY_ASSOCIATION_H

#include <usrsctp.h>

/* The header in the place of the library's says whose SCTP it is instead. */
#ifndef PEER_NAME
#define PEER_NAME "usrsctp (libusrsctp)"
#endif

#include "options.h"

#define SOCKET_BUFFER_BYTES (1024 * 1024)

static struct socket *socket_listening;
static struct socket *socket_open;
static bool association_up;
static uint32_t outbound_streams;
/* Written by libusrsctp's own threads to wake the main loop, which does all the work. */
static int wake_pipe[2];

static void wake(struct socket *socket, void *argument, int flags) {
	(void)socket;
	(void)argument;
	(void)flags;
	/* A full pipe has woken the loop already. */
	if (write(wake_pipe[1], "", 1) < 0) {
		return;
	}
}

static bool set_option(struct socket *socket, int option, const void *value, socklen_t length, const char *name) {
	if (usrsctp_setsockopt(socket, IPPROTO_SCTP, option, value, length) == 0) {
		return true;
	}
	report_error("libusrsctp refuses the socket option %s: %s\"}", name, strerror(errno));
	return false;
}

static bool subscribe(struct socket *socket) {
	static const uint16_t wanted[] = {SCTP_ASSOC_CHANGE, SCTP_PEER_ADDR_CHANGE, SCTP_SHUTDOWN_EVENT};
	for (size_t at = 0; at < sizeof wanted / sizeof wanted[0]; at++) {
		struct sctp_event event = {.se_assoc_id = SCTP_ALL_ASSOC, .se_type = wanted[at], .se_on = 1};
		if (!set_option(socket, SCTP_EVENT, &event, sizeof event, "SCTP_EVENT")) {
			return false;
		}
	}
	return true;
}

static bool prepare_socket(struct socket *socket, const struct options *options) {
	const int size = SOCKET_BUFFER_BYTES;
	const int on = 1;
	/* Half a receive buffer holds the longest message, so that none is delivered in parts. */
	const uint32_t partial = SOCKET_BUFFER_BYTES / 2;
	struct sctp_rtoinfo rto = {.srto_assoc_id = SCTP_FUTURE_ASSOC,
	                           .srto_initial = options->rto_initial_ms,
	                           .srto_max = options->rto_max_ms,
	                           .srto_min = options->rto_min_ms};
	struct sctp_paddrparams path = {.spp_assoc_id = SCTP_FUTURE_ASSOC,
	                                .spp_hbinterval = options->hb_interval_ms,
	                                .spp_flags = SPP_HB_ENABLE,
	                                .spp_pathmaxrxt = (uint16_t)options->path_max_retrans};
	struct sctp_initmsg init = {.sinit_num_ostreams = (uint16_t)options->streams,
	                            .sinit_max_instreams = MAX_STREAMS,
	                            .sinit_max_init_timeo = (uint16_t)(options->rto_max_ms > 65535 ? 65535 : options->rto_max_ms)};
	/* Without an address: for every path, also those that the INIT ACK names. */
	struct sctp_udpencaps encapsulation = {.sue_assoc_id = SCTP_FUTURE_ASSOC,
	                                       .sue_port = htons((uint16_t)options->udp_port)};
	encapsulation.sue_address.ss_family = options->local.ss_family;
	path.spp_address.ss_family = options->local.ss_family;
	if (usrsctp_setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0 ||
	    usrsctp_setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) != 0) {
		report_error("libusrsctp refuses socket buffers of %d bytes: %s\"}", size, strerror(errno));
		return false;
	}
	return usrsctp_set_non_blocking(socket, 1) == 0 && subscribe(socket) &&
	       set_option(socket, SCTP_NODELAY, &on, sizeof on, "SCTP_NODELAY") &&
	       set_option(socket, SCTP_RECVRCVINFO, &on, sizeof on, "SCTP_RECVRCVINFO") &&
	       set_option(socket, SCTP_PARTIAL_DELIVERY_POINT, &partial, sizeof partial, "SCTP_PARTIAL_DELIVERY_POINT") &&
	       set_option(socket, SCTP_RTOINFO, &rto, sizeof rto, "SCTP_RTOINFO") &&
	       set_option(socket, SCTP_PEER_ADDR_PARAMS, &path, sizeof path, "SCTP_PEER_ADDR_PARAMS") &&
	       set_option(socket, SCTP_INITMSG, &init, sizeof init, "SCTP_INITMSG") &&
	       set_option(socket, SCTP_REMOTE_UDP_ENCAPS_PORT, &encapsulation, sizeof encapsulation,
	                  "SCTP_REMOTE_UDP_ENCAPS_PORT");
}

/* libusrsctp binds the port on all addresses and keeps quiet when it cannot, so it is tried here first. */
static bool udp_port_free(const struct options *options) {
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->udp_port)};
	int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_free = probe >= 0 && bind(probe, (struct sockaddr *)&any, sizeof any) == 0;
	if (!is_free) {
		report_error("UDP port %u cannot be used on this host (%s): end the program that has it, or choose another "
		             "with --udp-port\"}",
		             options->udp_port, strerror(errno));
	}
	if (probe >= 0) {
		close(probe);
	}
	return is_free;
}

static bool open_association(const struct options *options) {
	if (!udp_port_free(options)) {
		return false;
	}
	usrsctp_init((uint16_t)options->udp_port, NULL, NULL);
	/* On loopback it would leave the CRC32c out, and the captures would show bad packets. */
	usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
	/* The public header has no SCTP_PEER_ADDR_THLDS (RFC 7829); this is its default for new paths. */
	usrsctp_sysctl_set_sctp_path_pf_threshold(options->pf_threshold);
	struct socket *created =
		usrsctp_socket(options->local.ss_family, SOCK_STREAM, IPPROTO_SCTP, NULL, NULL, 0, NULL);
	if (created == NULL) {
		report_error("libusrsctp could not make a socket: %s\"}", strerror(errno));
		return false;
	}
	*(options->listen ? &socket_listening : &socket_open) = created;
	if (!prepare_socket(created, options)) {
		return false;
	}
	struct sockaddr_storage local = options->local;
	if (usrsctp_bind(created, (struct sockaddr *)&local, address_length(&local)) != 0) {
		report_error("the address of --local cannot be used: %s; does this host have it?\"}", strerror(errno));
		return false;
	}
	usrsctp_set_upcall(created, wake, NULL);
	if (options->listen && usrsctp_listen(created, 1) != 0) {
		report_error("libusrsctp cannot listen on SCTP port %u: %s\"}", options->sctp_port, strerror(errno));
		return false;
	}
	return true;
}

/* The path of the handshake is confirmed by the handshake (RFC 9260 section 5.4) and gets no notification. */
static void report_first_path(void) {
	struct sctp_status status = {0};
	socklen_t length = sizeof status;
	if (usrsctp_getsockopt(socket_open, IPPROTO_SCTP, SCTP_STATUS, &status, &length) != 0) {
		return;
	}
	char address[INET6_ADDRSTRLEN];
	char detail[128];
	const struct sockaddr_storage primary = status.sstat_primary.spinfo_address;
	address_text(&primary, address);
	snprintf(detail, sizeof detail, "\"address\":\"%s\",\"state\":\"confirmed\"", address);
	report_event("address-confirmed", "The address of the handshake is confirmed by it.", detail);
}

static void on_association_change(const struct sctp_assoc_change *change) {
	char detail[128];
	snprintf(detail, sizeof detail, "\"error\":%u,\"outboundStreams\":%u,\"inboundStreams\":%u", change->sac_error,
	         change->sac_outbound_streams, change->sac_inbound_streams);
	switch (change->sac_state) {
	case SCTP_COMM_UP:
		association_up = true;
		outbound_streams = change->sac_outbound_streams;
		report_event("association-up", "The association is established.", detail);
		report_first_path();
		break;
	case SCTP_RESTART:
		report_event("note", "The other side restarted the association.", detail);
		break;
	case SCTP_SHUTDOWN_COMP:
		association_up = false;
		report_event("association-closed", "The association was closed in order.", detail);
		break;
	case SCTP_CANT_STR_ASSOC:
		association_up = false;
		report_event("association-lost", "The association could not be established.", detail);
		break;
	default:
		association_up = false;
		report_event("association-lost", "The association is lost.", detail);
	}
}

static void on_path_change(const struct sctp_paddr_change *change) {
	static const struct {
		uint32_t code;
		const char *name;
	} states[] = {
		{SCTP_ADDR_AVAILABLE, "reachable"}, {SCTP_ADDR_UNREACHABLE, "unreachable"}, {SCTP_ADDR_REMOVED, "removed"},
		{SCTP_ADDR_ADDED, "added"},         {SCTP_ADDR_MADE_PRIM, "primary"},       {SCTP_ADDR_CONFIRMED, "confirmed"},
	};
	const char *state = "unknown";
	for (size_t at = 0; at < sizeof states / sizeof states[0]; at++) {
		if (states[at].code == (uint32_t)change->spc_state) {
			state = states[at].name;
		}
	}
	bool confirmed = change->spc_state == SCTP_ADDR_CONFIRMED;
	char address[INET6_ADDRSTRLEN];
	char detail[128];
	char text[128];
	const struct sockaddr_storage changed = change->spc_aaddr;
	address_text(&changed, address);
	snprintf(detail, sizeof detail, "\"address\":\"%s\",\"state\":\"%s\"", address, state);
	snprintf(text, sizeof text, "The address %s is %s.", address, state);
	report_event(confirmed ? "address-confirmed" : "path-state", text, detail);
}

static void on_notification(const void *bytes, size_t length) {
	union sctp_notification notification;
	memset(&notification, 0, sizeof notification);
	memcpy(&notification, bytes, length < sizeof notification ? length : sizeof notification);
	if (notification.sn_header.sn_type == SCTP_ASSOC_CHANGE) {
		on_association_change(&notification.sn_assoc_change);
	} else if (notification.sn_header.sn_type == SCTP_PEER_ADDR_CHANGE) {
		on_path_change(&notification.sn_paddr_change);
	} else if (notification.sn_header.sn_type == SCTP_SHUTDOWN_EVENT) {
		report_event("note", "The other side asks to shut the association down.", "");
	}
}

/* Everything that was sent has been acknowledged. */
static bool nothing_outstanding(void) {
	struct sctp_status status = {0};
	socklen_t length = sizeof status;
	if (!association_up || usrsctp_getsockopt(socket_open, IPPROTO_SCTP, SCTP_STATUS, &status, &length) != 0) {
		return true;
	}
	return status.sstat_unackdata == 0 && status.sstat_penddata == 0;
}

#endif
