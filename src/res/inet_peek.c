/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of parked sockets, read without taking anything out.
 *
 * What a receiver's shut window keeps in the sender's queue cannot be read there. So the window is
 * opened: SO_RCVLOWAT makes a buffer grow, and a peek tells the sender. To the program it is as
 * if the kernel had tuned the buffer itself, which it may do at any time, and nothing has to be put back.
 */
#include "base/owned.h"
#include "host/fault.h"
#include "host/log.h"
#include "res/inet.h"
#include "res/inet_count.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	INET_SETTLE_MS = 2000,
	INET_ORPHAN_MS = 20,
	INET_BUF_LOCK_RCV = 2,
	INET_DATAGRAM_MAX = 65536,
	INET_WINDOW_SLACK = 65536,
};

static int inet_ask(int fd, unsigned long what)
{
	int n = 0;

	return ioctl(fd, what, &n) < 0 ? 0 : n;
}

static int64_t inet_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void inet_grow_window(int fd, uint32_t more)
{
	int lowat = 1, lock = 0, unlocked, want = inet_ask(fd, SIOCINQ);
	socklen_t len = sizeof(lowat), lock_len = sizeof(lock);
	char byte;

	getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, &len);
	/* A buffer that the program has set does not grow while it is known as that. */
	getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &lock, &lock_len);
	unlocked = lock & ~INET_BUF_LOCK_RCV;
	if (lock != unlocked)
		setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &unlocked, sizeof(unlocked));
	want = want + (int)more + INET_WINDOW_SLACK;
	/* Back at once: it would keep the program from reading if we died here. The buffer stays. */
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &want, sizeof(want));
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof(lowat));
	if (lock != unlocked)
		setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &lock, sizeof(lock));
	fault_point("network.grown");
	if (inet_ask(fd, SIOCINQ)) /* else a pending error would be what is received */
		(void)!recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	fault_point("network.announced");
}

/* What waits for more to go with it, or for an acknowledgement, goes now, corked or not. */
static void inet_push(int fd)
{
	int nodelay = 0, one = 1;
	socklen_t len = sizeof(nodelay);

	getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay));
}

int inet_watch(int fd, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	OWNED_FD int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) < 0)
		return err_set(err, errno, "watch a connection");
	epoll_wait(ep, &e, 1, 0); /* of what is there */
	return owned_fd_take(&ep);
}

static bool inet_has_arrived(int from, int to)
{
	struct inet_count sender, receiver;

	if (!inet_ask(from, SIOCOUTQ))
		return true;
	if (inet_ask(from, SIOCOUTQNSD))
		return false;
	inet_count(&sender, from);
	inet_count(&receiver, to);
	return sender.sent && receiver.received >= sender.sent;
}

int inet_settle(int from, int to, struct err *err)
{
	int64_t until = inet_now_ms() + INET_SETTLE_MS, left = INET_SETTLE_MS;
	uint32_t more = (uint32_t)inet_ask(from, SIOCOUTQ);
	OWNED_FD int watch = -1;
	struct epoll_event e;

	if (inet_has_arrived(from, to))
		return 0;
	watch = inet_watch(to, err);
	if (watch < 0)
		return watch;
	for (; left > 0; left = until - inet_now_ms()) {
		inet_push(from);
		if (inet_ask(from, SIOCOUTQNSD)) {
			inet_grow_window(to, more);
			more *= 2;
		}
		if (inet_has_arrived(from, to))
			return 0;
		if (more > INT32_MAX / 4) /* grown as far as the system lets it */
			break;
		if (!inet_ask(from, SIOCOUTQNSD))
			epoll_wait(watch, &e, 1, (int)left);
	}
	return err_say(
		err, RES_BUSY,
		"%d bytes sent through a TCP connection have no room in the receiver's queue; try "
		"again when some have been read (net.ipv4.tcp_rmem limits the room)",
		inet_ask(from, SIOCOUTQ));
}

int inet_settle_orphan(int to, struct err *err)
{
	int64_t until = inet_now_ms() + INET_SETTLE_MS, left = INET_SETTLE_MS;
	struct pollfd p = { .fd = to, .events = POLLRDHUP };
	OWNED_FD int watch = inet_watch(to, err);
	uint32_t more = INET_WINDOW_SLACK;
	struct epoll_event e;

	if (watch < 0)
		return watch;
	for (; left > 0 && more < INT32_MAX / 4; left = until - inet_now_ms(), more *= 2) {
		if (poll(&p, 1, 0) == 1 && p.revents & (POLLRDHUP | POLLERR | POLLHUP))
			return 0;
		inet_grow_window(to, more);
		epoll_wait(watch, &e, 1, left < INET_ORPHAN_MS ? (int)left : INET_ORPHAN_MS);
	}
	return err_say(
		err, RES_BUSY,
		"the end of what was sent through a TCP connection has no room in the receiver's "
		"queue; try again when some has been read");
}

static int inet_put_message(struct model *pool, const struct inet_message *head, const void *bytes,
			    struct err *err)
{
	int rc = model_put_bytes(pool, &(struct img_ref){ 0 }, head, sizeof(*head));

	if (rc >= 0 && head->len)
		rc = model_put_bytes(pool, &(struct img_ref){ 0 }, bytes, head->len);
	return rc < 0 ? err_set(err, rc, "keep a socket's queue") : 0;
}

int inet_peek_stream(const struct inet_seen *s, struct model *pool, struct err *err)
{
	int len = inet_ask(s->fd, SIOCINQ);
	OWNED_PTR char *buf = malloc((size_t)len + 1);
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	struct inet_message head = { .len = (uint32_t)len };

	if (!buf)
		return err_set(err, ENOMEM, "peek into a connection");
	/* Nothing can be peeked behind an urgent byte. */
	if (poll(&p, 1, 0) == 1 && p.revents & POLLPRI)
		return err_say(
			err, RES_BUSY,
			"descriptor %d has urgent data, which cannot be checkpointed; try again "
			"when it has been read",
			s->number);
	if (!len)
		return 0;
	if (recv(s->fd, buf, (size_t)len, MSG_PEEK | MSG_DONTWAIT) != len)
		return err_set(err, errno, "peek at the %d bytes of descriptor %d", len, s->number);
	return inet_put_message(pool, &head, buf, err);
}

/* Where a datagram was sent to: the socket may have the address 0, or have got it by multicast. */
static void inet_take_to(struct inet_message *head, struct msghdr *msg,
			 const struct inet_end *local)
{
	struct inet_end to = *local;
	union inet_name name;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			const struct in_pktinfo *info = (const void *)CMSG_DATA(c);

			memset(to.addr, 0, 10);
			to.addr[10] = to.addr[11] = 0xff;
			memcpy(to.addr + 12, &info->ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			const struct in6_pktinfo *info = (const void *)CMSG_DATA(c);

			memcpy(to.addr, &info->ipi6_addr, 16);
		}
	}
	head->to_len = inet_end_name(&name, &to, inet_end_is_v4(&to) ? AF_INET : AF_INET6);
	memcpy(head->to, name.bytes, sizeof(head->to));
}

static bool inet_from_here(const union inet_name *from)
{
	struct inet_end e = inet_end_of(from);

	return inet_end_is_local(&e);
}

/* One datagram. 0: there was none. */
static int inet_peek_datagram(const struct inet_seen *s, struct model *pool, char *buf,
			      struct err *err)
{
	_Alignas(struct cmsghdr) char control[512];
	struct inet_message head = { .len = 0 };
	union inet_name from = { .bytes = { 0 } };
	struct iovec iov = { buf, INET_DATAGRAM_MAX };
	struct msghdr msg = { .msg_name = &from,
			      .msg_namelen = sizeof(from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(s->fd, &msg, MSG_PEEK | MSG_DONTWAIT);
	char text[INET_TEXT_MAX];
	int rc;

	if (n < 0)
		return 0;
	head.len = (uint32_t)n;
	head.from_len = msg.msg_namelen;
	memcpy(head.from, from.bytes, sizeof(head.from));
	inet_take_to(&head, &msg, &s->local);
	if (!inet_from_here(&from))
		log_info("network",
			 "process %d, descriptor %d: a datagram from %s, which is outside, will be "
			 "lost at a "
			 "restart",
			 s->pid, s->number, inet_name_text(text, &from));
	rc = inet_put_message(pool, &head, buf, err);
	return rc < 0 ? rc : 1;
}

/*
 * SO_PEEK_OFF makes successive peeks go on where the last one ended. Where a datagram went is told by
 * IP_PKTINFO. All are put back to what they were.
 */
int inet_peek_datagrams(const struct inet_seen *s, struct model *pool, struct err *err)
{
	static const struct {
		int level, name, value;
	} wanted[] = { { SOL_SOCKET, SO_PEEK_OFF, 0 },
		       { IPPROTO_IP, IP_PKTINFO, 1 },
		       { IPPROTO_IPV6, IPV6_RECVPKTINFO, 1 } };
	enum { WANTED = sizeof(wanted) / sizeof(wanted[0]) };
	OWNED_PTR char *buf = malloc(INET_DATAGRAM_MAX);
	struct pollfd p = { .fd = s->fd };
	int before[WANTED], rc = 1;
	bool had[WANTED];

	if (!buf)
		return err_set(err, ENOMEM, "peek into a socket");
	/* An error waits to be told, and would be told to us. Datagrams may be lost, so these are. */
	if (poll(&p, 1, 0) == 1 && p.revents & POLLERR)
		return 0;
	for (int i = 0; i < WANTED; i++) {
		socklen_t len = sizeof(before[i]);

		had[i] = getsockopt(s->fd, wanted[i].level, wanted[i].name, &before[i], &len) == 0;
		if (had[i])
			setsockopt(s->fd, wanted[i].level, wanted[i].name, &wanted[i].value,
				   sizeof(int));
	}
	while (rc > 0)
		rc = inet_peek_datagram(s, pool, buf, err);
	for (int i = 0; i < WANTED; i++)
		if (had[i])
			setsockopt(s->fd, wanted[i].level, wanted[i].name, &before[i], sizeof(int));
	return rc;
}
