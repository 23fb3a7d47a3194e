/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of network sockets, each stored under its level and name, so that the table may change.
 * At a restart only what a fresh socket has otherwise is set: many are "as the system says" until somebody
 * sets them.
 */
#include "res/inet.h"
#include "res/inet_count.h"

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
	INET_SO_WIFI_STATUS = 41,
	INET_SO_NOFCS = 43,
	INET_SO_INCOMING_CPU = 49,
	INET_SO_TXTIME = 61,
	INET_SO_TIMESTAMP_NEW = 63,
	INET_SO_TIMESTAMPNS_NEW = 64,
	INET_SO_TIMESTAMPING_NEW = 65,
	INET_SO_PREFER_BUSY_POLL = 69,
	INET_SO_BUSY_POLL_BUDGET = 70,
	INET_SO_TXREHASH = 74,
	INET_SO_RCVMARK = 75,
	INET_SO_RCVPRIORITY = 82,
	INET_TCP_FASTOPEN_CONNECT = 30,
	INET_TCP_FASTOPEN_KEY = 33,
	INET_TCP_FASTOPEN_NO_COOKIE = 34,
	INET_TCP_TX_DELAY = 37,
	INET_TCP_INQ = 36,
	INET_TCP_RTO_MAX_MS = 44,
	INET_TCP_RTO_MIN_US = 45,
	INET_TCP_DELACK_MAX_US = 46,
	INET_IP_MINTTL = 21,
	INET_IP_NODEFRAG = 22,
	INET_IP_CHECKSUM = 23,
	INET_IP_RECVFRAGSIZE = 25,
	INET_IP_RECVERR_RFC4884 = 26,
	INET_IP_UNICAST_IF = 50,
	INET_IPV6_FLOWINFO = 11,
	INET_IPV6_ROUTER_ALERT_ISOLATE = 30,
	INET_IPV6_RECVERR_RFC4884 = 31,
	INET_IPV6_FLOWINFO_SEND = 33,
	INET_IPV6_RECVFRAGSIZE = 77,
	INET_IPV6_MINHOPCOUNT = 73,
	INET_IPV6_RECVORIGDSTADDR = 74,
	INET_IPV6_UNICAST_IF = 76,
	INET_IPV6_AUTOFLOWLABEL = 70,
	INET_IPV6_CHECKSUM = 7,
	INET_IPV6_HDRINCL = 36,
	INET_ICMP_FILTER = 1,
	INET_ICMPV6_FILTER = 1,
	INET_UDP_SEGMENT = 103,
	INET_UDP_GRO = 104,
	INET_UDPLITE_SEND_CSCOV = 10,
	INET_UDPLITE_RECV_CSCOV = 11,
};

enum {
	INET_LATE = 0,
	INET_EARLY = 1 << 0, /* decides about binding, listening or the handshake */
	INET_RESTING = 1 << 1, /* of a connection it tells what has come of it, not what was set */
};

static const struct inet_option_kind {
	int level, name;
	socklen_t len;
	unsigned int when; /* INET_EARLY, INET_RESTING */
} inet_options[] = {
	{ SOL_SOCKET, SO_REUSEPORT, sizeof(int), INET_EARLY },
	{ SOL_SOCKET, SO_BINDTODEVICE, 16, INET_EARLY },
	{ SOL_SOCKET, SO_DEBUG, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_KEEPALIVE, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_BROADCAST, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_OOBINLINE, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_DONTROUTE, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_TIMESTAMP, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_TIMESTAMPNS, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_TIMESTAMPING, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_TIMESTAMP_NEW, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_TIMESTAMPNS_NEW, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_TIMESTAMPING_NEW, 8, INET_LATE },
	{ SOL_SOCKET, INET_SO_SELECT_ERR_QUEUE, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_MAX_PACING_RATE, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_RXQ_OVFL, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_WIFI_STATUS, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_NOFCS, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_INCOMING_CPU, sizeof(int), INET_RESTING },
	{ SOL_SOCKET, INET_SO_TXTIME, 8, INET_LATE },
	{ SOL_SOCKET, INET_SO_TXREHASH, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_RCVMARK, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_RCVPRIORITY, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_NO_CHECK, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_BUSY_POLL, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_PREFER_BUSY_POLL, sizeof(int), INET_LATE },
	{ SOL_SOCKET, INET_SO_BUSY_POLL_BUDGET, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_ZEROCOPY, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_MARK, sizeof(int), INET_EARLY },
	{ SOL_SOCKET, SO_LINGER, sizeof(struct linger), INET_LATE },
	{ SOL_SOCKET, SO_RCVTIMEO, sizeof(struct timeval), INET_LATE },
	{ SOL_SOCKET, SO_SNDTIMEO, sizeof(struct timeval), INET_LATE },
	{ SOL_SOCKET, SO_RCVLOWAT, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_PEEK_OFF, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_NODELAY, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_CORK, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_KEEPIDLE, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_KEEPINTVL, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_KEEPCNT, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_SYNCNT, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_LINGER2, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT, sizeof(int), INET_EARLY },
	{ IPPROTO_TCP, TCP_QUICKACK, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_CONGESTION, 16, INET_EARLY },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_FASTOPEN, sizeof(int), INET_EARLY },
	{ IPPROTO_TCP, INET_TCP_FASTOPEN_KEY, 32, INET_EARLY }, /* one or two; none: the system's */
	{ IPPROTO_TCP, INET_TCP_FASTOPEN_CONNECT, sizeof(int), INET_EARLY | INET_RESTING },
	{ IPPROTO_TCP, INET_TCP_FASTOPEN_NO_COOKIE, sizeof(int), INET_EARLY | INET_RESTING },
	{ IPPROTO_TCP, TCP_SAVE_SYN, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, TCP_MAXSEG, sizeof(int), INET_EARLY | INET_RESTING },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP, sizeof(int), INET_EARLY | INET_RESTING },
	{ IPPROTO_TCP, INET_TCP_TX_DELAY, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, INET_TCP_INQ, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, INET_TCP_RTO_MAX_MS, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, INET_TCP_RTO_MIN_US, sizeof(int), INET_LATE },
	{ IPPROTO_TCP, INET_TCP_DELACK_MAX_US, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_TOS, sizeof(int), INET_LATE },
	{ SOL_SOCKET, SO_PRIORITY, sizeof(int), INET_LATE }, /* IP_TOS changes it, too */
	{ IPPROTO_IP, IP_TTL, sizeof(int), INET_LATE },
	{ IPPROTO_IP, INET_IP_MINTTL, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_MTU_DISCOVER, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RECVERR, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_PKTINFO, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RECVTTL, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RECVTOS, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RETOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_RECVOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_PASSSEC, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_OPTIONS, 40, INET_LATE },
	{ IPPROTO_IP, IP_TRANSPARENT, sizeof(int), INET_EARLY },
	{ IPPROTO_IP, INET_IP_UNICAST_IF, sizeof(int), INET_LATE },
	{ IPPROTO_IP, INET_IP_RECVERR_RFC4884, sizeof(int), INET_LATE },
	{ IPPROTO_IP, INET_IP_CHECKSUM, sizeof(int), INET_LATE },
	{ IPPROTO_IP, INET_IP_RECVFRAGSIZE, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_FREEBIND, sizeof(int), INET_EARLY },
	{ IPPROTO_IP, INET_IP_BIND_ADDRESS_NO_PORT, sizeof(int), INET_EARLY },
	{ IPPROTO_IP, INET_IP_LOCAL_PORT_RANGE, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_MULTICAST_TTL, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_MULTICAST_LOOP, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_MULTICAST_ALL, sizeof(int), INET_LATE },
	{ IPPROTO_IP, IP_MULTICAST_IF, sizeof(struct in_addr), INET_LATE },
	{ IPPROTO_IPV6, IPV6_V6ONLY, sizeof(int), INET_EARLY },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_MULTICAST_IF, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVERR, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_TCLASS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_MINHOPCOUNT, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_RECVORIGDSTADDR, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_2292PKTINFO, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_2292HOPOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_2292DSTOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_2292RTHDR, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_2292HOPLIMIT, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_RECVPATHMTU, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_FLOWINFO, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_FLOWINFO_SEND, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_ROUTER_ALERT_ISOLATE, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_RECVERR_RFC4884, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_RECVFRAGSIZE, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT, sizeof(int), INET_EARLY },
	{ IPPROTO_IPV6, INET_IPV6_FREEBIND, sizeof(int), INET_EARLY },
	{ IPPROTO_IPV6, IPV6_DONTFRAG, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_UNICAST_IF, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_AUTOFLOWLABEL, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_MULTICAST_ALL, sizeof(int), INET_LATE },
	{ IPPROTO_UDP, UDP_CORK, sizeof(int), INET_LATE },
	{ IPPROTO_UDP, UDP_NO_CHECK6_TX, sizeof(int), INET_LATE },
	{ IPPROTO_UDP, UDP_NO_CHECK6_RX, sizeof(int), INET_LATE },
	{ IPPROTO_UDP, INET_UDP_SEGMENT, sizeof(int), INET_LATE },
	{ IPPROTO_UDP, INET_UDP_GRO, sizeof(int), INET_LATE },
	{ IPPROTO_UDPLITE, UDP_CORK, sizeof(int), INET_LATE },
	{ IPPROTO_UDPLITE, INET_UDPLITE_SEND_CSCOV, sizeof(int), INET_LATE },
	{ IPPROTO_UDPLITE, INET_UDPLITE_RECV_CSCOV, sizeof(int), INET_LATE },
	/* Of raw sockets; IP_HDRINCL is on where the protocol is IPPROTO_RAW, and may be off again. */
	{ IPPROTO_IP, IP_HDRINCL, sizeof(int), INET_EARLY },
	{ IPPROTO_IP, INET_IP_NODEFRAG, sizeof(int), INET_EARLY },
	{ IPPROTO_IP, IP_ROUTER_ALERT, sizeof(int), INET_LATE },
	{ IPPROTO_RAW, INET_ICMP_FILTER, 4, INET_LATE },
	{ IPPROTO_ICMPV6, INET_ICMPV6_FILTER, 32, INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_CHECKSUM, sizeof(int), INET_LATE },
	{ IPPROTO_IPV6, INET_IPV6_HDRINCL, sizeof(int), INET_EARLY },
	/* Ours are all set while ports are being taken: what the program wants comes last. */
	{ SOL_SOCKET, SO_REUSEADDR, sizeof(int), INET_LATE },
};
enum { INET_NOPTIONS = sizeof(inet_options) / sizeof(inet_options[0]) };

static bool inet_is_connected(int fd)
{
	struct inet_count count;

	inet_count(&count, fd);
	return count.state && count.state != TCP_CLOSE && count.state != TCP_LISTEN;
}

int inet_options_get(int fd, struct model *pool, struct err *err)
{
	bool connected = inet_is_connected(fd);

	for (unsigned int i = 0; i < INET_NOPTIONS; i++) {
		const struct inet_option_kind *o = &inet_options[i];
		struct inet_option record = { .level = o->level, .name = o->name };
		uint8_t value[INET_OPTION_MAX] = { 0 };
		socklen_t len = o->len;
		int rc;

		if ((connected && o->when & INET_RESTING) ||
		    getsockopt(fd, o->level, o->name, value, &len) < 0 || !len)
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
			return inet_options[i].when & INET_EARLY;
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
