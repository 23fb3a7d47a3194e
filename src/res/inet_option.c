/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of TCP and UDP sockets, each stored under its level and name, so that the table may change.
 * At a restart only what a fresh socket has otherwise is set: many are "as the system says" until somebody
 * sets them.
 */
#include "res/inet.h"

#include <errno.h>
#include <linux/ipv6.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

enum {
	INET_OPTION_MAX = 64, /* bytes of a value */
	/* Newer than some libc headers. */
	INET_SO_SELECT_ERR_QUEUE = 45,
	INET_SO_MAX_PACING_RATE = 47,
	INET_TCP_INQ = 36,
	INET_IP_MINTTL = 21,
	INET_IP_CHECKSUM = 23,
	INET_IP_RECVFRAGSIZE = 25,
	INET_IPV6_MINHOPCOUNT = 73,
	INET_IPV6_RECVORIGDSTADDR = 74,
	INET_IPV6_UNICAST_IF = 76,
	INET_IPV6_AUTOFLOWLABEL = 70,
	INET_UDP_SEGMENT = 103,
	INET_UDP_GRO = 104,
};

static const struct inet_option_kind {
	int level, name;
	socklen_t len;
	bool early; /* decides about binding, listening or the handshake */
} inet_options[] = {
	{ SOL_SOCKET, SO_REUSEPORT, sizeof(int), true },
	{ SOL_SOCKET, SO_BINDTODEVICE, 16, true },
	{ SOL_SOCKET, SO_KEEPALIVE, sizeof(int), false },
	{ SOL_SOCKET, SO_BROADCAST, sizeof(int), false },
	{ SOL_SOCKET, SO_OOBINLINE, sizeof(int), false },
	{ SOL_SOCKET, SO_DONTROUTE, sizeof(int), false },
	{ SOL_SOCKET, SO_TIMESTAMP, sizeof(int), false },
	{ SOL_SOCKET, SO_TIMESTAMPNS, sizeof(int), false },
	{ SOL_SOCKET, SO_TIMESTAMPING, sizeof(int), false },
	{ SOL_SOCKET, INET_SO_SELECT_ERR_QUEUE, sizeof(int), false },
	{ SOL_SOCKET, INET_SO_MAX_PACING_RATE, sizeof(int), false },
	{ SOL_SOCKET, SO_RXQ_OVFL, sizeof(int), false },
	{ SOL_SOCKET, SO_NO_CHECK, sizeof(int), false },
	{ SOL_SOCKET, SO_BUSY_POLL, sizeof(int), false },
	{ SOL_SOCKET, SO_ZEROCOPY, sizeof(int), false },
	{ SOL_SOCKET, SO_MARK, sizeof(int), true },
	{ SOL_SOCKET, SO_LINGER, sizeof(struct linger), false },
	{ SOL_SOCKET, SO_RCVTIMEO, sizeof(struct timeval), false },
	{ SOL_SOCKET, SO_SNDTIMEO, sizeof(struct timeval), false },
	{ SOL_SOCKET, SO_PRIORITY, sizeof(int), false },
	{ SOL_SOCKET, SO_RCVLOWAT, sizeof(int), false },
	{ SOL_SOCKET, SO_PEEK_OFF, sizeof(int), false },
	{ IPPROTO_TCP, TCP_NODELAY, sizeof(int), false },
	{ IPPROTO_TCP, TCP_CORK, sizeof(int), false },
	{ IPPROTO_TCP, TCP_KEEPIDLE, sizeof(int), false },
	{ IPPROTO_TCP, TCP_KEEPINTVL, sizeof(int), false },
	{ IPPROTO_TCP, TCP_KEEPCNT, sizeof(int), false },
	{ IPPROTO_TCP, TCP_SYNCNT, sizeof(int), false },
	{ IPPROTO_TCP, TCP_LINGER2, sizeof(int), false },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, sizeof(int), true },
	{ IPPROTO_TCP, TCP_QUICKACK, sizeof(int), false },
	{ IPPROTO_TCP, TCP_CONGESTION, 16, true },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, sizeof(int), false },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, sizeof(int), false },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, sizeof(int), false },
	{ IPPROTO_TCP, TCP_FASTOPEN, sizeof(int), true },
	{ IPPROTO_TCP, INET_TCP_INQ, sizeof(int), false },
	{ IPPROTO_IP, IP_TOS, sizeof(int), false },
	{ IPPROTO_IP, IP_TTL, sizeof(int), false },
	{ IPPROTO_IP, INET_IP_MINTTL, sizeof(int), false },
	{ IPPROTO_IP, IP_MTU_DISCOVER, sizeof(int), false },
	{ IPPROTO_IP, IP_RECVERR, sizeof(int), false },
	{ IPPROTO_IP, IP_PKTINFO, sizeof(int), false },
	{ IPPROTO_IP, IP_RECVTTL, sizeof(int), false },
	{ IPPROTO_IP, IP_RECVTOS, sizeof(int), false },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR, sizeof(int), false },
	{ IPPROTO_IP, IP_RETOPTS, sizeof(int), false },
	{ IPPROTO_IP, INET_IP_CHECKSUM, sizeof(int), false },
	{ IPPROTO_IP, INET_IP_RECVFRAGSIZE, sizeof(int), false },
	{ IPPROTO_IP, IP_FREEBIND, sizeof(int), true },
	{ IPPROTO_IP, INET_IP_BIND_ADDRESS_NO_PORT, sizeof(int), true },
	{ IPPROTO_IP, INET_IP_LOCAL_PORT_RANGE, sizeof(int), false },
	{ IPPROTO_IP, IP_MULTICAST_TTL, sizeof(int), false },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, sizeof(int), false },
	{ IPPROTO_IP, IP_MULTICAST_ALL, sizeof(int), false },
	{ IPPROTO_IP, IP_MULTICAST_IF, sizeof(struct in_addr), false },
	{ IPPROTO_IPV6, IPV6_V6ONLY, sizeof(int), true },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_RECVERR, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_TCLASS, sizeof(int), false },
	{ IPPROTO_IPV6, INET_IPV6_MINHOPCOUNT, sizeof(int), false },
	{ IPPROTO_IPV6, INET_IPV6_RECVORIGDSTADDR, sizeof(int), false },
	{ IPPROTO_IPV6, IPV6_DONTFRAG, sizeof(int), false },
	{ IPPROTO_IPV6, INET_IPV6_UNICAST_IF, sizeof(int), false },
	{ IPPROTO_IPV6, INET_IPV6_AUTOFLOWLABEL, sizeof(int), false },
	{ IPPROTO_IPV6, INET_IPV6_MULTICAST_ALL, sizeof(int), false },
	{ IPPROTO_UDP, UDP_CORK, sizeof(int), false },
	{ IPPROTO_UDP, UDP_NO_CHECK6_TX, sizeof(int), false },
	{ IPPROTO_UDP, UDP_NO_CHECK6_RX, sizeof(int), false },
	{ IPPROTO_UDP, INET_UDP_SEGMENT, sizeof(int), false },
	{ IPPROTO_UDP, INET_UDP_GRO, sizeof(int), false },
	/* Ours are all set while ports are being taken: what the program wants comes last. */
	{ SOL_SOCKET, SO_REUSEADDR, sizeof(int), false },
};
enum { INET_NOPTIONS = sizeof(inet_options) / sizeof(inet_options[0]) };

int inet_options_get(int fd, struct model *pool, struct err *err)
{
	for (unsigned int i = 0; i < INET_NOPTIONS; i++) {
		const struct inet_option_kind *o = &inet_options[i];
		struct inet_option record = { .level = o->level, .name = o->name };
		uint8_t value[INET_OPTION_MAX] = { 0 };
		socklen_t len = o->len;
		int rc;

		if (getsockopt(fd, o->level, o->name, value, &len) < 0 || !len)
			continue;
		record.len = len;
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &record, sizeof(record));
		if (rc >= 0)
			rc = model_put_bytes(pool, &(struct img_ref){ 0 }, value, len);
		if (rc < 0)
			return err_set(err, rc, "keep a socket's options");
	}
	return 0;
}

static bool inet_option_is_early(const struct inet_option *o)
{
	for (unsigned int i = 0; i < INET_NOPTIONS; i++)
		if (inet_options[i].level == o->level && inet_options[i].name == o->name)
			return inet_options[i].early;
	return false;
}

static void inet_option_set(int fd, const struct inet_option *o, const void *value)
{
	uint8_t now[INET_OPTION_MAX] = { 0 };
	socklen_t len = o->len;

	if (o->level == INET_OWN || getsockopt(fd, o->level, o->name, now, &len) < 0 ||
	    (len == o->len && !memcmp(now, value, len)))
		return;
	/* What this kernel or user may not set is left as it is: it was not the program's doing either. */
	setsockopt(fd, o->level, o->name, value, o->len);
}

bool inet_option_next(const uint8_t **at, const uint8_t *end, struct inet_option *o,
		      const uint8_t **value)
{
	if ((size_t)(end - *at) < sizeof(*o))
		return false;
	memcpy(o, *at, sizeof(*o));
	*at += sizeof(*o);
	if (o->len > INET_OPTION_MAX || (size_t)(end - *at) < o->len)
		return false;
	*value = *at;
	/* The last one is not filled up. */
	*at = (size_t)(end - *at) < INET_ALIGN(o->len) ? end : *at + INET_ALIGN(o->len);
	return true;
}

void inet_options_set(int fd, const void *records, size_t len, bool early)
{
	const uint8_t *at = records, *value;
	const uint8_t *end = at + len;
	struct inet_option o;

	while (inet_option_next(&at, end, &o, &value))
		if (inet_option_is_early(&o) == early)
			inet_option_set(fd, &o, value);
}
