/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP, UDP and raw sockets: what the files inet*.c of this room share.
 *
 * A connection comes back if both ends are inside the computation: at a restart one end binds the port
 * it had and connects to the other's, and what stood in the queues is sent again from the other side. No
 * privilege is needed for it.
 *
 * The one rule: nothing is ever taken out of a queue of a living program; queues are peeked.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "res/res.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { /* img_file.arg */
       INET_ARG_DOMAIN,
       INET_ARG_TYPE,
       INET_ARG_PROTOCOL,
       INET_ARG_ROLE, /* enum inet_role */
       /*
	* The id of the img_file that is the other end; WAITING: of the listening socket; FRESH, LISTENING: 1
	* if its address is none of this host's (IP_FREEBIND).
	*/
       INET_ARG_PEER,
       INET_ARG_SHUTDOWN, /* 1: receives no more, 2: sends no more, 3: both */
       INET_ARG_BACKLOG, /* LISTENING; WAITING: for how long, ms */
       INET_ARG_RESET, /* ENDED: enum inet_reset, an error that the program has not been told yet */
};

enum inet_role {
	INET_FRESH, /* bound or not, all datagram sockets */
	INET_LISTENING,
	INET_CONNECTED, /* to INET_ARG_PEER */
	INET_WAITING, /* in the queue of a listening socket, not accepted yet */
	INET_CONNECTING,
	INET_ENDED, /* the other end is gone: what is in the queue can still be read */
	INET_OUTSIDE, /* was connected to outside: the program finds it reset */
};

enum inet_reset { INET_NO_RESET, INET_RESET, INET_REFUSED };

union inet_name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	uint8_t bytes[32];
};

/*
 * The beginning of img_file.data. Then come struct inet_option records (options_len bytes), then struct
 * inet_message records, one a datagram, or at most one with all of a stream.
 */
struct inet_state {
	uint32_t name_len, peer_len; /* 0: none */
	uint8_t name[32], peer[32];
	uint32_t sndbuf, rcvbuf; /* as getsockopt gives them: doubled by the kernel */
	uint32_t buffers_locked; /* SO_BUF_LOCK: which of the two the program has set */
	uint32_t options_len;
};
_Static_assert(sizeof(struct inet_state) == 88, "on disk");

struct inet_option { /* then the value, to a multiple of 8 */
	int32_t level, name;
	uint32_t len;
	uint32_t reserved;
};

struct inet_message { /* then its bytes, to a multiple of 8 */
	uint32_t len;
	uint32_t from_len, to_len; /* 0: a stream */
	uint32_t reserved;
	uint8_t from[32], to[32];
};

/* The pool begins everything at a multiple of 8. */
#define INET_ALIGN(n) (((size_t)(n) + 7) & ~(size_t)7)

/* inet_name.c: an address without regard to how it is written. */
struct inet_end {
	uint8_t addr[16]; /* IPv4 as mapped */
	uint16_t port, zero[3];
};

enum {
	INET_TEXT_MAX = 64,
	INET_BIND_S = 65, /* longer than TIME_WAIT */
	/* Newer than some libc headers. */
	INET_IP_BIND_ADDRESS_NO_PORT = 24,
	INET_IP_LOCAL_PORT_RANGE = 51,
	INET_IPV6_MULTICAST_ALL = 29,
	INET_IPV6_FREEBIND = 78,
	INET_MPTCP = 262, /* IPPROTO_MPTCP */
};

struct inet_end inet_end_of(const union inet_name *name);
bool inet_end_equal(const struct inet_end *a, const struct inet_end *b);
bool inet_end_is_any(const struct inet_end *e); /* the address 0 */
bool inet_end_is_v4(const struct inet_end *e);
uint16_t inet_name_port(const union inet_name *name);
/* "127.0.0.1:80", "[::1]:80" into @text of INET_TEXT_MAX bytes; returns it. */
const char *inet_name_text(char *text, const union inet_name *name);
/* Is the address one of this host? */
bool inet_end_is_local(const struct inet_end *e);
/* Let @fd be bound to any address, until its options are set. */
void inet_bind_freely(int fd, const struct img_file *f);
/* A socket name for @e in family @domain; its length. */
socklen_t inet_end_name(union inet_name *name, const struct inet_end *e, int domain);

/* inet_option.c: everything that is read by getsockopt and set again by setsockopt. */
int inet_options_get(int fd, struct model *pool, struct err *err);
/* What must be set before a socket is bound (@early), or the rest, from records of @len bytes. */
void inet_options_set(int fd, const void *records, size_t len, bool early);

/* The next of such records from *@at on; its value is at *@value. False: at the end, or damaged. */
bool inet_option_next(const uint8_t **at, const uint8_t *end, struct inet_option *o,
		      const uint8_t **value);

/* inet_groups.c: records of a level that no socket option has. */
enum { INET_OWN = -1, INET_OWN_GROUP = 1, INET_OWN_SOURCE };

/* The multicast groups that anybody in this network namespace is in. */
struct inet_joined;
struct inet_joins {
	struct inet_joined *at;
	size_t n;
};
int inet_groups_look(struct inet_joins *all, struct err *err);
void inet_groups_done(struct inet_joins *all);

/* Records of those of @all that @fd is in. */
int inet_groups_get(const struct inet_joins *all, int fd, struct model *pool, struct err *err);
int inet_groups_join(int fd, const void *records, size_t len, struct err *err);
void inet_groups_leave(int fd, const void *records, size_t len);
/* The interface, by number, on which the records join @group; 0: none. */
unsigned int inet_groups_interface(const void *records, size_t len, const union inet_name *group);

/* One socket of the computation, from its capture to the end of all captures. */
struct inet_seen {
	struct model *m; /* in whose image it stands */
	uint32_t id; /* of its img_file */
	int fd; /* ours */
	pid_t pid; /* for messages */
	int number; /* the program's */
	struct inet_end local, peer;
	bool stream;
	bool multipath; /* of MPTCP: Go's programs listen like that */
	bool raw;
	/*
	 * Raw, or of ICMP as ping has it: what comes in are copies of all traffic, or answers, which nobody
	 * can send again.
	 */
	bool lossy;
	enum inet_role role;
	uint32_t other; /* id of the other end */
	uint64_t shutdown;
	enum inet_reset reset;
	uint32_t rcvbuf; /* before we let it grow */
};

/* Part of res_capture_done. */
void inet_capture_done(struct res_capture *c);

/* A new socket like @f, with nothing set; what privilege there would have to be is said. */
int inet_socket(const struct img_file *f, struct err *err);

/*
 * inet_raw.c: whom raw sockets are connected to, which getpeername tells of those alone that were given a
 * port; and that what stands in the queue of @s will be lost.
 */
int inet_raw_peers(struct res_capture *c, struct err *err);
void inet_raw_tell(const struct inet_seen *s);
bool inet_raw_is(const struct img_file *f);

/* inet_peek.c: queues. */

/*
 * Let what socket @from has sent arrive at @to, also what its window has no room for: a receiver's
 * window may grow at any time, so this changes nothing that a program could rely on.
 */
int inet_settle(int from, int to, struct err *err);
/* Likewise where the sender is nobody's any more; until its FIN is there. */
int inet_settle_orphan(int to, struct err *err);
/* An epoll descriptor that tells of everything that arrives at @fd from now on. */
int inet_watch(int fd, struct err *err);
/* The queue of @s as inet_message records at the end of @pool. */
int inet_peek_stream(const struct inet_seen *s, struct model *pool, struct err *err);
int inet_peek_datagrams(const struct inet_seen *s, struct model *pool, struct err *err);

/* Make room for @more bytes in the receive queue of @fd and tell the sender. */
void inet_grow_window(int fd, uint32_t more);

/* inet_fill.c: queues, put back. */

/* Send everything in @f's queue from @from, so that @to receives it. */
int inet_fill_stream(const struct model *m, const struct img_file *f, int from, int to,
		     struct err *err);
void inet_fill_datagrams(const struct model *m, const struct img_file *f, int to);

/* The records of @f; NULL where they make no sense. */
const struct inet_state *inet_state_of(const struct model *m, const struct img_file *f);

/* inet_make.c: a descriptor for @f; all sockets of the computation are made at the first. */
int inet_make(struct res_restart *r, const struct img_file *f, struct err *err);

/*
 * inet_sweep.c: connections that ended a moment ago are remembered for a minute under their ports
 * (TIME_WAIT), and these are not given out. Let those on one of @n ports be forgotten.
 */
int inet_sweep(const uint16_t *ports, size_t n, struct err *err);
/*
 * Let connect, which comes next, take the port of @name. False: this kernel cannot. Afterwards it must be
 * looked whether it has (ports outside net.ipv4.ip_local_port_range it does not), and ended.
 */
bool inet_claim_port(int fd, const union inet_name *name, socklen_t len);
void inet_claim_end(int fd);
bool inet_has_port(int fd, uint16_t port);
/* Bind @fd to @name, with a sweep where needed; within @seconds. */
int inet_bind(int fd, const union inet_name *name, socklen_t len, int seconds, struct err *err);
