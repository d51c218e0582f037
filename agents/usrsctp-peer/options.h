/* The command line: every number is bounded, every mistake is one sentence. */
#ifndef UNDERSTUDY_OPTIONS_H
#define UNDERSTUDY_OPTIONS_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "report.h"

#define MAX_STREAMS 1024

struct options {
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	char remote_text[INET6_ADDRSTRLEN];
	uint32_t udp_port;
	uint32_t sctp_port;
	uint32_t remote_port;
	uint32_t rto_min_ms;
	uint32_t rto_initial_ms;
	uint32_t rto_max_ms;
	uint32_t hb_interval_ms;
	uint32_t path_max_retrans;
	uint32_t pf_threshold;
	uint32_t streams;
	bool listen;
};

static bool parse_number(const char *text, uint32_t low, uint32_t high, uint32_t *value) {
	char *end;
	errno = 0;
	unsigned long number = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number < low || number > high) {
		return false;
	}
	*value = (uint32_t)number;
	return true;
}

static bool parse_address(const char *text, struct sockaddr_storage *address) {
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
	memset(address, 0, sizeof *address);
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		return true;
	}
	if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		return true;
	}
	return false;
}

static void set_port(struct sockaddr_storage *address, uint32_t port) {
	if (address->ss_family == AF_INET6) {
		((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
	} else {
		((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
	}
}

static socklen_t address_length(const struct sockaddr_storage *address) {
	return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* `text` has INET6_ADDRSTRLEN characters. */
static void address_text(const struct sockaddr_storage *address, char *text) {
	const void *bytes = address->ss_family == AF_INET6
	                        ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
	                        : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
	if (inet_ntop(address->ss_family == AF_INET6 ? AF_INET6 : AF_INET, bytes, text, INET6_ADDRSTRLEN) == NULL) {
		strcpy(text, "unknown");
	}
}

/* False when something was wrong, which has then been said. */
static bool parse_options(int argc, char **argv, struct options *options) {
	*options = (struct options){
		.udp_port = 9899, .sctp_port = 7001, .remote_port = 7000, .rto_min_ms = 1000, .rto_initial_ms = 1000,
		.rto_max_ms = 60000, .hb_interval_ms = 30000, .path_max_retrans = 5, .pf_threshold = 65535, .streams = 16,
	};
	const struct {
		const char *name;
		uint32_t low;
		uint32_t high;
		uint32_t *value;
	} numbers[] = {
		{"--udp-port", 1, 65535, &options->udp_port},
		{"--sctp-port", 1, 65535, &options->sctp_port},
		{"--remote-port", 1, 65535, &options->remote_port},
		{"--rto-min", 1, 3600000, &options->rto_min_ms},
		{"--rto-initial", 1, 3600000, &options->rto_initial_ms},
		{"--rto-max", 1, 3600000, &options->rto_max_ms},
		{"--hb-interval", 1, 3600000, &options->hb_interval_ms},
		{"--path-max-retrans", 1, 255, &options->path_max_retrans},
		{"--pf-threshold", 0, 65535, &options->pf_threshold},
		{"--streams", 1, MAX_STREAMS, &options->streams},
	};
	const size_t count = sizeof numbers / sizeof numbers[0];
	for (int at = 1; at < argc; at++) {
		if (strcmp(argv[at], "--listen") == 0) {
			options->listen = true;
			continue;
		}
		const char *value = at + 1 < argc ? argv[at + 1] : "";
		struct sockaddr_storage *address = strcmp(argv[at], "--local") == 0    ? &options->local
		                                   : strcmp(argv[at], "--remote") == 0 ? &options->remote
		                                                                       : NULL;
		size_t which = 0;
		while (which < count && strcmp(argv[at], numbers[which].name) != 0) {
			which++;
		}
		if (address == NULL && which == count) {
			report_error("argument %d is no option of this program; it takes --local, --remote, --listen, "
			             "--udp-port, --sctp-port, --remote-port, --rto-min, --rto-initial, --rto-max, "
			             "--hb-interval, --path-max-retrans, --pf-threshold, --streams\"}",
			             at);
			return false;
		}
		if (address != NULL && !parse_address(value, address)) {
			report_error("the value of %s must be an IPv4 or IPv6 address\"}", argv[at]);
			return false;
		}
		if (address == NULL && !parse_number(value, numbers[which].low, numbers[which].high, numbers[which].value)) {
			report_error("the value of %s must be a number from %u to %u\"}", argv[at], numbers[which].low,
			             numbers[which].high);
			return false;
		}
		at++;
	}
	if (options->local.ss_family == 0 || (!options->listen && options->remote.ss_family == 0)) {
		report_error("--local is required, and --remote too unless --listen is given\"}");
		return false;
	}
	set_port(&options->local, options->sctp_port);
	set_port(&options->remote, options->remote_port);
	if (!options->listen) {
		address_text(&options->remote, options->remote_text);
	}
	return true;
}

#endif
