/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a capture, when all sockets of the computation are known: who is connected to whom, and what
 * stands in the queues. Connections are matched by their four numbers.
 */
#include "base/owned.h"
#include "host/fault.h"
#include "res/inet.h"
#include "res/inet_count.h"
#include "res/inetdiag.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/udp.h>
#include <poll.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int inet_compare(const void *a, const void *b)
{
	const struct inet_seen *x = a, *y = b;
	int d = memcmp(&x->local, &y->local, sizeof(x->local));

	d = d ? d : (int)x->stream - (int)y->stream;
	return d ? d : memcmp(&x->peer, &y->peer, sizeof(x->peer));
}

static struct inet_seen *inet_other(const struct res_capture *c, const struct inet_seen *s)
{
	struct inet_seen key = { .local = s->peer, .peer = s->local, .stream = s->stream };

	return s->peer.port ? bsearch(&key, c->inet, c->ninet, sizeof(key), inet_compare) : NULL;
}

static short inet_poll(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

static int inet_outside(const struct res_capture *c, struct inet_seen *s, struct err *err)
{
	char text[INET_TEXT_MAX];
	union inet_name name;

	s->role = INET_OUTSIDE;
	if (c->close_outside)
		return 0;
	inet_end_name(&name, &s->peer, AF_INET6);
	return err_say(err, ENOTSUP,
		       "a TCP connection with %s, which is outside the "
		       "computation; close it before the checkpoint, or use --net-outside=close",
		       inet_name_text(text, &name));
}

static const struct inet_seen *inet_listener(const struct res_capture *c, const struct inet_end *at)
{
	for (size_t i = 0; i < c->ninet; i++) {
		const struct inet_seen *l = &c->inet[i];

		if (l->role == INET_LISTENING && l->local.port == at->port &&
		    (inet_end_equal(&l->local, at) || inet_end_is_any(&l->local)))
			return l;
	}
	return NULL;
}

/* The other end stands in the queue of a listening socket: what it has received cannot be seen. */
static int inet_waits(const struct res_capture *c, struct inet_seen *s, const struct inetdiag *d,
		      struct err *err)
{
	const struct inet_seen *l = inet_listener(c, &s->peer);
	struct inet_count count;

	if (!l)
		return inet_outside(c, s, err);
	inet_count(&count, s->fd);
	if (d->received || count.sent)
		return err_say(err, RES_BUSY,
			       "a TCP connection in which data was sent before "
			       "it was accepted (port %u); try again when it has been",
			       s->peer.port);
	s->role = INET_WAITING;
	s->other = l->id;
	return 0;
}

/* Nobody in the computation has the other end. */
static int inet_alone(const struct res_capture *c, struct inet_seen *s, struct err *err)
{
	struct inetdiag d;
	int rc = inetdiag_find(&d, &s->peer, &s->local, err);

	if (rc == -ENOENT) {
		if (!(inet_poll(s->fd) & POLLRDHUP) || !inet_end_is_local(&s->peer))
			return inet_outside(c, s, err);
		s->role = INET_ENDED;
		return 0;
	}
	if (rc < 0)
		return err->num ? rc : err_set(err, rc, "look for the other end of a connection");
	if (d.inode)
		return inet_outside(c, s, err);
	if (d.state == TCP_ESTABLISHED || d.state == TCP_SYN_RECV || d.state == TCP_CLOSE_WAIT)
		return inet_waits(c, s, &d, err);
	s->role = INET_ENDED;
	return inet_settle_orphan(s->fd, err);
}

/* Connected once, or it never was; nobody knows any more to whom. */
static void inet_closed(struct inet_seen *s)
{
	struct inet_count count;
	short events = inet_poll(s->fd);

	if (!(events & POLLRDHUP))
		return; /* fresh */
	s->role = INET_ENDED;
	s->shutdown = 2;
	inet_count(&count, s->fd);
	if (events & POLLERR)
		s->reset = count.options ? INET_RESET : INET_REFUSED;
}

static int inet_find_peer(const struct inetdiag *d, void *data)
{
	struct inet_seen *s = data;

	if (!inet_end_equal(&d->local, &s->local))
		return 0;
	s->peer = d->peer;
	return 1;
}

static int inet_role_of(struct res_capture *c, struct inet_seen *s, struct err *err)
{
	const struct inet_seen *other = inet_other(c, s);
	struct inet_count count;
	int rc;

	inet_count(&count, s->fd);
	if (count.state == TCP_LISTEN)
		return 0;
	if (count.state == TCP_SYN_SENT) {
		s->role = INET_CONNECTING;
		rc = inetdiag_list(IPPROTO_TCP, 1 << TCP_SYN_SENT, inet_find_peer, s, err);
		return rc < 0 ? rc : 0;
	}
	if (count.state == TCP_CLOSE) {
		inet_closed(s);
		return 0;
	}
	if (!other)
		return inet_alone(c, s, err);
	s->role = INET_CONNECTED;
	s->other = other->id;
	return 0;
}

/* Only when all are known: what arrives may be the end for both, who then know each other no more. */
static int inet_settle_connected(const struct res_capture *c, const struct inet_seen *s,
				 struct err *err)
{
	const struct inet_seen *other = s->role == INET_CONNECTED ? inet_other(c, s) : NULL;

	return other ? inet_settle(other->fd, s->fd, err) : 0;
}

/* Who listens by MPTCP accepts plain TCP connections as such, and those are most of them. */
static int inet_check_multipath(const struct inet_seen *s, struct err *err)
{
	struct inet_count count;

	inet_count(&count, s->fd);
	if (!s->multipath || s->role == INET_LISTENING ||
	    (!s->peer.port && (!count.state || count.state == TCP_CLOSE) &&
	     !(inet_poll(s->fd) & POLLRDHUP)))
		return 0;
	return err_say(err, ENOTSUP,
		       "an MPTCP connection, which cannot be checkpointed; let the program use TCP "
		       "(GODEBUG=multipathtcp=0 for Go)");
}

/* Is somebody in the queue whose own end the computation does not have? */
static int inet_check_queue(const struct res_capture *c, const struct inet_seen *l, struct err *err)
{
	struct inet_count count;
	uint32_t known = 0;

	inet_count(&count, l->fd);
	for (size_t i = 0; i < c->ninet; i++)
		known += c->inet[i].role == INET_WAITING && c->inet[i].other == l->id;
	if (count.waiting <= known || c->close_outside)
		return 0;
	return err_say(err, RES_BUSY,
		       "a client from outside the computation, or one that has "
		       "closed its end, waits to be accepted (port %u); try again when it has "
		       "been, or use "
		       "--net-outside=close",
		       l->local.port);
}

/* What the program has shut down itself: the other end's share of it comes from there. */
static uint64_t inet_shutdown(const struct res_capture *c, const struct inet_seen *s)
{
	const struct inet_seen *other = inet_other(c, s);
	struct inet_count count, theirs = { 0 };
	uint64_t how = s->shutdown;

	inet_count(&count, s->fd);
	if (count.state == TCP_FIN_WAIT1 || count.state == TCP_FIN_WAIT2 ||
	    count.state == TCP_CLOSING || count.state == TCP_LAST_ACK ||
	    (s->role == INET_CONNECTED && count.state == TCP_CLOSE)) /* settled into its end */
		how |= 2;
	if (s->role != INET_CONNECTED || !other || !(inet_poll(s->fd) & POLLRDHUP))
		return how;
	inet_count(&theirs, other->fd);
	if (theirs.state == TCP_ESTABLISHED || theirs.state == TCP_CLOSE_WAIT)
		how |= 1; /* it has sent no FIN */
	return how;
}

/* That it sends no more alone only the kernel's list tells, which has those that are connected. */
static uint64_t inet_shutdown_datagrams(const struct inet_seen *s)
{
	short events = inet_poll(s->fd);

	return s->shutdown | (events & POLLRDHUP ? 1u : 0u) | (events & POLLHUP ? 2u : 0u);
}

static int inet_see_shutdown(const struct inetdiag *d, void *data)
{
	const struct res_capture *c = data;

	for (size_t i = 0; d->shutdown && i < c->ninet; i++) {
		struct inet_seen *s = &c->inet[i];

		if (!s->stream && model_file(s->m, s->id)->ino == d->inode)
			s->shutdown = d->shutdown & 3;
	}
	return 0;
}

/* Best effort: not every kernel has the lists. */
static void inet_find_shut(struct res_capture *c)
{
	bool raw = false, other = false;

	for (size_t i = 0; i < c->ninet; i++) {
		raw |= c->inet[i].raw;
		other |= !c->inet[i].raw && !c->inet[i].stream && c->inet[i].peer.port;
	}
	if (other)
		inetdiag_list(IPPROTO_UDP, 1 << TCP_ESTABLISHED, inet_see_shutdown, c, NULL);
	if (raw)
		inetdiag_list(IPPROTO_RAW, ~0u, inet_see_shutdown, c, NULL);
}

/* What a corked socket holds back nobody can read. */
static int inet_check_cork(const struct inet_seen *s, struct err *err)
{
	int corked = 0, pending = 0, protocol = IPPROTO_UDP;
	socklen_t len = sizeof(corked);

	getsockopt(s->fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	if (s->stream || getsockopt(s->fd, protocol, UDP_CORK, &corked, &len) < 0 || !corked ||
	    ioctl(s->fd, SIOCOUTQ, &pending) < 0 || !pending)
		return 0;
	return err_say(
		err, RES_BUSY,
		"a UDP socket holds back what was sent (UDP_CORK), which nobody but the kernel "
		"can see; try again when it has been let go");
}

/* Bound while that was allowed (IP_FREEBIND), which need not be so any more. */
static bool inet_is_elsewhere(const struct inet_seen *s)
{
	const struct in6_addr *addr = (const void *)s->local.addr;
	bool group = inet_end_is_v4(&s->local) ? IN_MULTICAST(ntohl(addr->s6_addr32[3]))
					       : IN6_IS_ADDR_MULTICAST(addr);

	return (s->role == INET_FRESH || s->role == INET_LISTENING) && s->local.port && !group &&
	       !inet_end_is_any(&s->local) && !IN6_IS_ADDR_LINKLOCAL(addr) &&
	       !inet_end_is_local(&s->local);
}

static void inet_take_state(const struct inet_seen *s, struct inet_state *state, int domain)
{
	union inet_name name = { .bytes = { 0 } };
	socklen_t len = sizeof(name), int_len = sizeof(int);

	if (getsockname(s->fd, &name.any, &len) == 0) {
		state->name_len = len;
		memcpy(state->name, name.bytes, sizeof(state->name));
	}
	len = sizeof(name);
	if (getpeername(s->fd, &name.any, &len) < 0)
		len = s->peer.port || !inet_end_is_any(&s->peer)
			      ? inet_end_name(&name, &s->peer, domain)
			      : 0;
	state->peer_len = len;
	if (len)
		memcpy(state->peer, name.bytes, sizeof(state->peer));
	getsockopt(s->fd, SOL_SOCKET, SO_SNDBUF, &state->sndbuf, &int_len);
	getsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &state->rcvbuf, &int_len);
	getsockopt(s->fd, SOL_SOCKET, SO_BUF_LOCK, &state->buffers_locked, &int_len);
}

static int inet_take_queue(const struct inet_seen *s, struct model *pool, struct err *err)
{
	if (s->lossy)
		inet_raw_tell(s);
	else if (!s->stream)
		return inet_peek_datagrams(s, pool, err);
	if (s->role == INET_CONNECTED || s->role == INET_ENDED)
		return inet_peek_stream(s, pool, err);
	return 0;
}

/* struct inet_state, options and queue, one after the other. */
static int inet_take_data(const struct inet_joins *joins, const struct inet_seen *s,
			  struct model *pool, int domain, struct err *err)
{
	struct inet_state state = { .name_len = 0 };
	int rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &state, sizeof(state));

	if (rc < 0)
		return err_set(err, rc, "keep a socket");
	rc = inet_options_get(s->fd, pool, err);
	if (rc >= 0 && !s->stream)
		rc = inet_groups_get(joins, s->fd, pool, err);
	inet_take_state(s, &state, domain);
	state.options_len = (uint32_t)(pool->data.n - sizeof(state));
	state.rcvbuf = s->rcvbuf;
	if (rc >= 0)
		rc = inet_take_queue(s, pool, err);
	memcpy(pool->data.at, &state, sizeof(state));
	return rc;
}

static int inet_take(const struct res_capture *c, const struct inet_joins *joins,
		     const struct inet_seen *s, struct err *err)
{
	struct img_file *f = model_file(s->m, s->id);
	struct inet_count count;
	struct model pool;
	int rc;

	inet_count(&count, s->fd);
	f->arg[INET_ARG_ROLE] = s->role;
	f->arg[INET_ARG_PEER] = inet_is_elsewhere(s) ? 1 : s->other;
	f->arg[INET_ARG_SHUTDOWN] = s->stream ? inet_shutdown(c, s) : inet_shutdown_datagrams(s);
	f->arg[INET_ARG_BACKLOG] = s->role == INET_LISTENING ? count.backlog : count.age_ms;
	f->arg[INET_ARG_RESET] = s->reset;
	model_init(&pool);
	rc = inet_take_data(joins, s, &pool, (int)f->arg[INET_ARG_DOMAIN], err);
	if (rc >= 0 && model_put_bytes(s->m, &f->data, pool.data.at, pool.data.n) < 0)
		rc = err_set(err, ENOMEM, "keep a socket");
	model_done(&pool);
	return rc;
}

static int inet_named(const struct inet_seen *s, int rc, struct err *err)
{
	return rc < 0 ? err_add(err, "process %d, descriptor %d", s->pid, s->number) : 0;
}

static int inet_take_all(struct res_capture *c, struct err *err)
{
	struct inet_joins joins = { .n = 0 };
	int rc = inet_groups_look(&joins, err);

	if (rc >= 0)
		rc = inet_raw_peers(c, err);
	inet_find_shut(c);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		rc = inet_named(&c->inet[i], inet_check_cork(&c->inet[i], err), err);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		rc = inet_named(&c->inet[i], inet_take(c, &joins, &c->inet[i], err), err);
	inet_groups_done(&joins);
	return rc;
}

int res_capture_network(struct res_capture *c, struct err *err)
{
	int rc = 0;

	if (!c->ninet)
		return 0;
	qsort(c->inet, c->ninet, sizeof(*c->inet), inet_compare);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		rc = inet_named(&c->inet[i], inet_check_multipath(&c->inet[i], err), err);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		if (c->inet[i].role != INET_LISTENING && c->inet[i].stream)
			rc = inet_named(&c->inet[i], inet_role_of(c, &c->inet[i], err), err);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		rc = inet_named(&c->inet[i], inet_settle_connected(c, &c->inet[i], err), err);
	for (size_t i = 0; rc >= 0 && i < c->ninet; i++)
		if (c->inet[i].role == INET_LISTENING)
			rc = inet_named(&c->inet[i], inet_check_queue(c, &c->inet[i], err), err);
	if (rc >= 0)
		rc = inet_take_all(c, err);
	if (rc >= 0 && fault_point("network.captured"))
		rc = err_say(err, EIO, "a failure on purpose");
	return rc;
}
