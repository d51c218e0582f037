/* Socket options by name, as RFC 6458 sections 8.1 to 8.3 and the kernel's own header define them. */
#ifndef KERNEL_PEER_OPTIONS_H
#define KERNEL_PEER_OPTIONS_H

#include <netinet/tcp.h>

#include "sockets.h"

struct named_option {
	const char *name;
	int option;
};

/* Options whose value is a plain int. */
static const struct named_option int_options[] = {
	{"no-delay", SCTP_NODELAY},
	{"fragment-interleave", SCTP_FRAGMENT_INTERLEAVE},
	{"partial-delivery-point", SCTP_PARTIAL_DELIVERY_POINT},
	{"auto-close", SCTP_AUTOCLOSE},
	{"adaptation", SCTP_ADAPTATION_LAYER},
	{"auto-asconf", SCTP_AUTO_ASCONF},
};

/* Options whose value is a struct sctp_assoc_value. */
static const struct named_option association_options[] = {
	{"pr-supported", SCTP_PR_SUPPORTED},
	{"reconfig-supported", SCTP_RECONFIG_SUPPORTED},
	{"enable-stream-reset", SCTP_ENABLE_STREAM_RESET},
	{"interleaving-supported", SCTP_INTERLEAVING_SUPPORTED},
	{"asconf-supported", SCTP_ASCONF_SUPPORTED},
	{"auth-supported", SCTP_AUTH_SUPPORTED},
	{"ecn-supported", SCTP_ECN_SUPPORTED},
	{"scheduler", SCTP_STREAM_SCHEDULER},
	{"max-burst", SCTP_MAX_BURST},
	{"max-segment", SCTP_MAXSEG},
	{"expose-potentially-failed", SCTP_EXPOSE_POTENTIALLY_FAILED_STATE},
};

static int set(const struct peer_socket *each, int option, const void *value, size_t length) {
	return setsockopt(each->fd, IPPROTO_SCTP, option, value, (socklen_t)length);
}

static uint32_t number(const char *text) { return (uint32_t)strtoul(text, NULL, 0); }

static int set_path(const struct peer_socket *each, char **words, int count) {
	struct sctp_paddrparams path;
	memset(&path, 0, sizeof path);
	path.spp_assoc_id = each->association;
	struct sockaddr_storage address;
	if (strcmp(words[0], "*") != 0) {
		if (!parse_address(words[0], 0, &address)) {
			errno = EINVAL;
			return -1;
		}
		memcpy(&path.spp_address, &address, sizeof address);
	}
	path.spp_hbinterval = number(words[1]);
	path.spp_pathmaxrxt = (uint16_t)number(words[2]);
	if (count > 3 && strcmp(words[3], "now") == 0) {
		path.spp_flags = SPP_HB_DEMAND;
	} else {
		path.spp_flags = path.spp_hbinterval == 0 ? SPP_HB_DISABLE : SPP_HB_ENABLE;
	}
	return set(each, SCTP_PEER_ADDR_PARAMS, &path, sizeof path);
}

static int set_key(const struct peer_socket *each, char **words) {
	size_t length = strlen(words[1]);
	struct sctp_authkey *key = calloc(1, sizeof *key + length);
	key->sca_assoc_id = each->association;
	key->sca_keynumber = (uint16_t)number(words[0]);
	key->sca_keylength = (uint16_t)length;
	memcpy(key->sca_key, words[1], length);
	int result = set(each, SCTP_AUTH_KEY, key, sizeof *key + length);
	free(key);
	return result;
}

/* Options that take an address or a structure of their own; `words` are the values. */
static int set_structured(const struct peer_socket *each, const char *name, char **words, int count) {
	if (strcmp(name, "rto") == 0 && count == 3) {
		struct sctp_rtoinfo rto = {each->association, number(words[0]), number(words[1]), number(words[2])};
		return set(each, SCTP_RTOINFO, &rto, sizeof rto);
	}
	if (strcmp(name, "init") == 0 && count == 4) {
		struct sctp_initmsg init = {(uint16_t)number(words[0]), (uint16_t)number(words[1]), (uint16_t)number(words[2]),
		                            (uint16_t)number(words[3])};
		return set(each, SCTP_INITMSG, &init, sizeof init);
	}
	if (strcmp(name, "association-max-retrans") == 0 && count == 1) {
		struct sctp_assocparams limits = {.sasoc_assoc_id = each->association,
		                                  .sasoc_asocmaxrxt = (uint16_t)number(words[0])};
		return set(each, SCTP_ASSOCINFO, &limits, sizeof limits);
	}
	if (strcmp(name, "path") == 0 && count >= 3) {
		return set_path(each, words, count);
	}
	if (strcmp(name, "sack") == 0 && count == 2) {
		struct sctp_sack_info sack = {each->association, number(words[0]), number(words[1])};
		return set(each, SCTP_DELAYED_SACK, &sack, sizeof sack);
	}
	if ((strcmp(name, "primary") == 0 || strcmp(name, "peer-primary") == 0) && count == 2) {
		struct sockaddr_storage address;
		struct sctp_prim primary;
		/* The port matters with peer-primary: the kernel looks for the whole socket address. */
		if (parse_address(words[1], (uint16_t)number(words[0]), &address)) {
			memset(&primary, 0, sizeof primary);
			primary.ssp_assoc_id = each->association;
			memcpy((char *)&primary + offsetof(struct sctp_prim, ssp_addr), &address, sizeof address);
			int option = name[1] == 'r' ? SCTP_PRIMARY_ADDR : SCTP_SET_PEER_PRIMARY_ADDR;
			return set(each, option, &primary, sizeof primary);
		}
	}
	if (strcmp(name, "auth-chunk") == 0 && count == 1) {
		struct sctp_authchunk chunk = {(uint8_t)number(words[0])};
		return set(each, SCTP_AUTH_CHUNK, &chunk, sizeof chunk);
	}
	if (strcmp(name, "auth-key") == 0 && count == 2) {
		return set_key(each, words);
	}
	if ((strcmp(name, "active-key") == 0 || strcmp(name, "delete-key") == 0) && count == 1) {
		struct sctp_authkeyid key = {each->association, (uint16_t)number(words[0])};
		return set(each, name[0] == 'a' ? SCTP_AUTH_ACTIVE_KEY : SCTP_AUTH_DELETE_KEY, &key, sizeof key);
	}
	if (strcmp(name, "sender-dry") == 0 && count == 1) {
		struct sctp_event event = {SCTP_ALL_ASSOC, SCTP_SENDER_DRY_EVENT, (uint8_t)number(words[0])};
		return set(each, SCTP_EVENT, &event, sizeof event);
	}
	if (strcmp(name, "receive-buffer") == 0 && count == 1) {
		int bytes = (int)number(words[0]);
		return setsockopt(each->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	}
	errno = EINVAL;
	return -1;
}

static int set_option(const struct peer_socket *each, const char *name, char **words, int count) {
	for (size_t at = 0; count == 1 && at < sizeof int_options / sizeof *int_options; at++) {
		if (strcmp(name, int_options[at].name) == 0) {
			int value = (int)number(words[0]);
			return set(each, int_options[at].option, &value, sizeof value);
		}
	}
	for (size_t at = 0; count == 1 && at < sizeof association_options / sizeof *association_options; at++) {
		if (strcmp(name, association_options[at].name) == 0) {
			/* Before there is an association the value is for those to come. */
			struct sctp_assoc_value value = {each->association, number(words[0])};
			return set(each, association_options[at].option, &value, sizeof value);
		}
	}
	return set_structured(each, name, words, count);
}

#endif
