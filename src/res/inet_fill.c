/* SPDX-License-Identifier: Apache-2.0 */
/* Queues, put back: everything is sent again by those who have sent it. */
#include "base/owned.h"
#include "res/inet.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

enum { INET_FILL_MS = 10000, INET_WINDOW_MAX = 1 << 29 };

/* The next message of a queue; its bytes are at @at->bytes. */
struct inet_queue {
	const uint8_t *at, *end;
	struct inet_message head;
	const uint8_t *bytes;
};

static struct inet_queue inet_queue_of(const struct model *m, const struct img_file *f)
{
	const struct inet_state *s = inet_state_of(m, f);
	const uint8_t *begin = model_bytes(m, f->data);
	size_t options;

	if (!s)
		return (struct inet_queue){ .at = NULL };
	options = INET_ALIGN(s->options_len);
	if (options > f->data.len - sizeof(*s))
		return (struct inet_queue){ .at = NULL };
	return (struct inet_queue){ .at = begin + sizeof(*s) + options,
				    .end = begin + f->data.len };
}

static bool inet_queue_next(struct inet_queue *q)
{
	size_t left = (size_t)(q->end - q->at);

	if (!q->at || left < sizeof(q->head))
		return false;
	memcpy(&q->head, q->at, sizeof(q->head));
	left -= sizeof(q->head);
	if (q->head.len > left || q->head.from_len > sizeof(q->head.from) ||
	    q->head.to_len > sizeof(q->head.to))
		return false;
	q->bytes = q->at + sizeof(q->head);
	q->at = left < INET_ALIGN(q->head.len) ? q->end : q->bytes + INET_ALIGN(q->head.len);
	return true;
}

/* Until @from can send again: the window of @to is opened wider and wider, then time must do it. */
static bool inet_make_room(int from, int to, size_t want)
{
	struct pollfd p = { .fd = from, .events = POLLOUT };

	for (; want < INET_WINDOW_MAX; want *= 2) {
		inet_grow_window(to, (uint32_t)want);
		if (poll(&p, 1, 0) == 1)
			return true;
	}
	return poll(&p, 1, INET_FILL_MS) == 1;
}

static int inet_send_all(const uint8_t *bytes, size_t len, int from, int to, struct err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(from, bytes + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return err_set(err, errno, "put %zu bytes back into a connection", len);
		done += n < 0 ? 0 : (size_t)n;
		if (n < 0 && !inet_make_room(from, to, len - done))
			return err_say(err, ENOBUFS,
				       "%zu of %zu bytes that a TCP connection held have no room "
				       "in it here "
				       "(net.ipv4.tcp_rmem, tcp_wmem limit it)",
				       len - done, len);
	}
	return 0;
}

int inet_fill_stream(const struct model *m, const struct img_file *f, int from, int to,
		     struct err *err)
{
	struct inet_queue q = inet_queue_of(m, f);
	int rc = 0;

	while (rc >= 0 && inet_queue_next(&q))
		rc = inet_send_all(q.bytes, q.head.len, from, to, err);
	return rc;
}

/* Has @to sent it to itself? */
static bool inet_is_own(int to, const union inet_name *from)
{
	union inet_name name = { .bytes = { 0 } };
	struct inet_end own, theirs = inet_end_of(from);
	socklen_t len = sizeof(name);

	if (getsockname(to, &name.any, &len) < 0)
		return false;
	own = inet_end_of(&name);
	return own.port == theirs.port && (inet_end_is_any(&own) || inet_end_equal(&own, &theirs));
}

static bool inet_is_multicast(const union inet_name *to)
{
	if (to->any.sa_family == AF_INET)
		return IN_MULTICAST(ntohl(to->v4.sin_addr.s_addr));
	return IN6_IS_ADDR_MULTICAST(&to->v6.sin6_addr);
}

/* What @fd sends to group @dest goes no further than this host, where @f has joined it. */
static void inet_aim(int fd, const struct model *m, const struct img_file *f, union inet_name *dest)
{
	const struct inet_state *s = inet_state_of(m, f);
	unsigned int interface = inet_groups_interface(s + 1, s->options_len, dest);
	const struct ip_mreqn by_number = { .imr_ifindex = (int)interface };
	int zero = 0, one = 1;

	if (dest->any.sa_family == AF_INET) {
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &by_number, sizeof(by_number));
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &zero, sizeof(zero));
		setsockopt(fd, IPPROTO_IP, IP_MULTICAST_LOOP, &one, sizeof(one));
	} else {
		dest->v6.sin6_scope_id = interface;
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &interface, sizeof(interface));
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &zero, sizeof(zero));
		setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, &one, sizeof(one));
	}
}

/* One datagram from a socket that stands where its sender stood; from outside there can be none. */
static bool inet_resend(const struct model *m, const struct img_file *f, const struct inet_queue *q,
			int to)
{
	union inet_name from, dest;
	OWNED_FD int fd = -1;
	int one = 1;

	memcpy(from.bytes, q->head.from, sizeof(from.bytes));
	memcpy(dest.bytes, q->head.to, sizeof(dest.bytes));
	if (!inet_is_multicast(&dest) && inet_is_own(to, &from))
		return sendto(to, q->bytes, q->head.len, 0, &dest.any, q->head.to_len) >= 0;
	if (from.any.sa_family != dest.any.sa_family) {
		struct inet_end e = inet_end_of(&from);

		inet_end_name(&from, &e, dest.any.sa_family);
	}
	fd = socket(dest.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, (int)f->arg[INET_ARG_PROTOCOL]);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one));
	if (fd < 0 || bind(fd, &from.any, q->head.to_len) < 0)
		return false;
	if (inet_is_multicast(&dest))
		inet_aim(fd, m, f, &dest);
	return sendto(fd, q->bytes, q->head.len, 0, &dest.any, q->head.to_len) >= 0;
}

void inet_fill_datagrams(const struct model *m, const struct img_file *f, int to)
{
	struct inet_queue q = inet_queue_of(m, f);

	struct epoll_event e;
	OWNED_FD int watch = inet_watch(to, NULL);
	int ms = INET_FILL_MS / 10;

	/* One that does not arrive has no room, and so have all after it. */
	while (inet_queue_next(&q) && ms)
		if (inet_resend(m, f, &q, to) && epoll_wait(watch, &e, 1, ms) <= 0)
			ms = 0;
}
