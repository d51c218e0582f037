/* What the peer can be told: a line is NUMBER VERB WORDS. */
#ifndef KERNEL_PEER_COMMANDS_H
#define KERNEL_PEER_COMMANDS_H

#include <signal.h>
#include <sys/wait.h>

#include "options.h"
#include "status.h"
#include "traffic.h"

#define MAX_WORDS 40
#define BACKLOG 16

/* open one|many 4|6 */
static void command_open(char **words, int count) {
	if (count != 2) {
		fail("open takes one|many and 4|6");
		return;
	}
	bool many = words[0][0] == 'm';
	int family = words[1][0] == '6' ? AF_INET6 : AF_INET;
	int fd = socket(family, (many ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_NONBLOCK, IPPROTO_SCTP);
	int on = 1;
	if (fd < 0 || subscribe_all(fd) < 0 || setsockopt(fd, IPPROTO_SCTP, SCTP_RECVRCVINFO, &on, sizeof on) < 0) {
		fail("socket: %s", strerror(errno));
		return;
	}
	struct peer_socket *each = keep_socket(fd, many);
	if (each == NULL) {
		fail("too many sockets");
		return;
	}
	say("{\"reply\":%u,\"socket\":%u}", answering, index_of(each));
	end_line();
}

/* bind PORT ADDRESS,ADDRESS... (the first by bind, the others by bindx); bindx add|remove PORT ADDRESS,... */
static void command_bind(struct peer_socket *each, char *port_text, char *list, int option) {
	uint16_t port = (uint16_t)number(port_text);
	uint8_t packed[MAX_ADDRESSES * sizeof(struct sockaddr_in6)];
	socklen_t used = pack_addresses(list, port, packed, sizeof packed);
	if (used == 0) {
		fail("these are not addresses");
		return;
	}
	uint8_t *next = packed;
	if (option == 0) {
		struct sockaddr_storage first;
		sa_family_t family = ((struct sockaddr *)packed)->sa_family;
		memcpy(&first, packed, address_length(family));
		if (bind(each->fd, (struct sockaddr *)&first, address_length(family)) < 0) {
			fail("bind: %s", strerror(errno));
			return;
		}
		next += address_length(family);
		used -= address_length(family);
		option = SCTP_SOCKOPT_BINDX_ADD;
	}
	answer_call(used == 0 ? 0 : set(each, option, next, used), "bindx");
}

static void command_connect(struct peer_socket *each, char *port_text, char *list) {
	uint8_t packed[MAX_ADDRESSES * sizeof(struct sockaddr_in6)];
	socklen_t used = pack_addresses(list, (uint16_t)number(port_text), packed, sizeof packed);
	if (used == 0) {
		fail("these are not addresses");
		return;
	}
	int result = set(each, SCTP_SOCKOPT_CONNECTX, packed, used);
	answer_call(result < 0 && errno == EINPROGRESS ? 0 : result, "connect");
}

/* send COUNT STREAMS SIZE,SIZE,... [unordered] [ttl|rtx|prio VALUE] */
static void command_send(struct peer_socket *each, char **words, int count) {
	if (count < 3) {
		fail("send takes COUNT STREAMS SIZE,SIZE,...");
		return;
	}
	struct load load = {.left = number(words[0]), .streams = number(words[1])};
	char *rest;
	for (char *one = strtok_r(words[2], ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
		uint32_t size = number(one);
		if (size < 1 || size > MESSAGE_BYTES || load.size_count == MAX_SIZES) {
			fail("%s is no size, or there are too many sizes", one);
			return;
		}
		load.sizes[load.size_count++] = size;
	}
	if (load.streams < 1 || load.streams > MAX_STREAMS || load.size_count == 0 || each->load.left > 0) {
		fail("too many streams, or still sending");
		return;
	}
	for (int at = 3; at < count; at++) {
		if (strcmp(words[at], "unordered") == 0) {
			load.flags |= SCTP_UNORDERED;
		} else if (at + 1 < count) {
			load.policy = words[at][0] == 't'   ? SCTP_PR_SCTP_TTL
			              : words[at][0] == 'r' ? SCTP_PR_SCTP_RTX
			                                    : SCTP_PR_SCTP_PRIO;
			load.policy_value = number(words[++at]);
		}
	}
	each->load = load;
	answer_done();
}

/* Shutdown and abort of the association, leaving the socket open. */
static void command_end(struct peer_socket *each, uint16_t flag) {
	if (!each->many && flag == SCTP_EOF) {
		answer_call(shutdown(each->fd, SHUT_WR), "shutdown");
		return;
	}
	static const uint8_t reason[] = "told to";
	struct sctp_sndinfo info = {.snd_flags = flag};
	struct sctp_prinfo priority = {.pr_policy = SCTP_PR_SCTP_NONE};
	size_t length = flag == SCTP_EOF ? 0 : sizeof reason - 1;
	answer_call(send_message(each, reason, length, info, priority) ? 0 : -1, "end");
}

/* reset incoming|outgoing|both STREAM,STREAM,...|all */
static void command_reset(const struct peer_socket *each, const char *direction, char *list) {
	struct {
		struct sctp_reset_streams head;
		uint16_t streams[MAX_STREAMS];
	} wish;
	memset(&wish, 0, sizeof wish);
	wish.head.srs_assoc_id = each->association;
	wish.head.srs_flags = (uint16_t)((direction[0] != 'o' ? SCTP_STREAM_RESET_INCOMING : 0) |
	                                 (direction[0] != 'i' ? SCTP_STREAM_RESET_OUTGOING : 0));
	if (strcmp(list, "all") != 0) {
		char *rest;
		for (char *one = strtok_r(list, ",", &rest); one != NULL; one = strtok_r(NULL, ",", &rest)) {
			if (wish.head.srs_number_streams < MAX_STREAMS) {
				wish.head.srs_stream_list[wish.head.srs_number_streams++] = (uint16_t)number(one);
			}
		}
	}
	size_t length = sizeof wish.head + wish.head.srs_number_streams * sizeof(uint16_t);
	answer_call(set(each, SCTP_RESET_STREAMS, &wish, length), "reset");
}

static void command_reset_association(const struct peer_socket *each) {
	sctp_assoc_t association = each->association;
	answer_call(set(each, SCTP_RESET_ASSOC, &association, sizeof association), "reset-association");
}

static void command_add_streams(const struct peer_socket *each, const char *outbound, const char *inbound) {
	struct sctp_add_streams wish = {each->association, (uint16_t)number(inbound), (uint16_t)number(outbound)};
	answer_call(set(each, SCTP_ADD_STREAMS, &wish, sizeof wish), "add-streams");
}

/* As when the program that owns the socket dies, if nothing is lingering: the kernel sends ABORT. */
static void command_close(struct peer_socket *each, bool aborting) {
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	if (aborting) {
		setsockopt(each->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
	drop_socket(each);
	answer_done();
}

/* Dies by SIGKILL with every socket set to abort, so that the kernel keeps nothing of the associations. */
static void command_die(void) {
	struct linger linger = {.l_onoff = 1, .l_linger = 0};
	for (unsigned int at = 0; at < MAX_SOCKETS; at++) {
		if (sockets[at].used) {
			setsockopt(sockets[at].fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		}
	}
	answer_done();
	kill(getpid(), SIGKILL);
}

static void command_shell(const char *script) {
	FILE *pipe = popen(script, "r");
	if (pipe == NULL) {
		fail("popen: %s", strerror(errno));
		return;
	}
	say("{\"reply\":%u,\"output\":\"", answering);
	char part[1024];
	size_t length;
	while ((length = fread(part, 1, sizeof part, pipe)) > 0) {
		say_escaped(part, length);
	}
	int status = pclose(pipe);
	say("\",\"status\":%d}", WIFEXITED(status) ? WEXITSTATUS(status) : 128);
	end_line();
}

static void command_on_socket(struct peer_socket *each, const char *verb, char **words, int count) {
	if (strcmp(verb, "bind") == 0 && count == 2) {
		command_bind(each, words[0], words[1], 0);
	} else if (strcmp(verb, "bindx") == 0 && count == 3) {
		command_bind(each, words[1], words[2],
		             words[0][0] == 'a' ? SCTP_SOCKOPT_BINDX_ADD : SCTP_SOCKOPT_BINDX_REM);
	} else if (strcmp(verb, "listen") == 0) {
		/* One-to-many sockets take messages at once; the others hand out a socket for each association. */
		each->listening = !each->many;
		answer_call(listen(each->fd, BACKLOG), "listen");
	} else if (strcmp(verb, "connect") == 0 && count == 2) {
		command_connect(each, words[0], words[1]);
	} else if (strcmp(verb, "set") == 0 && count >= 2) {
		answer_call(set_option(each, words[0], words + 1, count - 1), words[0]);
	} else if (strcmp(verb, "send") == 0) {
		command_send(each, words, count);
	} else if (strcmp(verb, "echo") == 0 && count == 1) {
		each->echoes = words[0][1] == 'n';
		answer_done();
	} else if (strcmp(verb, "received") == 0) {
		answer_received(each);
	} else if (strcmp(verb, "status") == 0) {
		answer_status(each);
	} else if (strcmp(verb, "shutdown") == 0) {
		command_end(each, SCTP_EOF);
	} else if (strcmp(verb, "abort") == 0) {
		command_end(each, SCTP_ABORT);
	} else if (strcmp(verb, "close") == 0) {
		command_close(each, count == 1);
	} else if (strcmp(verb, "reset") == 0 && count == 2) {
		command_reset(each, words[0], words[1]);
	} else if (strcmp(verb, "reset-association") == 0) {
		command_reset_association(each);
	} else if (strcmp(verb, "add-streams") == 0 && count == 2) {
		command_add_streams(each, words[0], words[1]);
	} else {
		fail("unknown command, or not its words: %s", verb);
	}
}

/* NUMBER VERB WORDS: sh SCRIPT, open ..., die, or a verb with the number of a socket first. */
static void carry_out(char *line) {
	char *rest;
	answering = number(strtok_r(line, " ", &rest));
	char *verb = strtok_r(NULL, " ", &rest);
	if (verb == NULL) {
		fail("empty command");
		return;
	}
	if (strcmp(verb, "sh") == 0) {
		command_shell(rest);
		return;
	}
	char *words[MAX_WORDS];
	int count = 0;
	for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		if (count < MAX_WORDS) {
			words[count++] = word;
		}
	}
	if (strcmp(verb, "open") == 0) {
		command_open(words, count);
	} else if (strcmp(verb, "die") == 0) {
		command_die();
	} else {
		unsigned int at = count == 0 ? MAX_SOCKETS : number(words[0]);
		if (at >= MAX_SOCKETS || !sockets[at].used) {
			fail("%s: there is no such socket", verb);
		} else {
			command_on_socket(&sockets[at], verb, words + 1, count - 1);
		}
	}
}

#endif
