/* SPDX-License-Identifier: Apache-2.0 */
/* UDP: datagrams in the queue with their senders, also of one that is closed; connected ones; shut ones. */
#include "live_net.h"

struct udp {
	int fd;
	union net_name name;
};

static struct udp udp_bound(int domain, bool any)
{
	struct udp u = { .fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	socklen_t len = net_loopback(&u.name, domain);

	if (any)
		u.name.v4.sin_addr.s_addr = 0;
	if (u.fd < 0 || bind(u.fd, &u.name.any, len) < 0)
		live_skip("no such loopback address here");
	LIVE_CHECK(!getsockname(u.fd, &u.name.any, &len));
	return u;
}

static void udp_send(const struct udp *from, const struct udp *to, const char *text)
{
	union net_name name = to->name;

	if (name.any.sa_family == AF_INET)
		name.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	LIVE_EQUAL(sendto(from->fd, text, strlen(text), 0, &name.any, sizeof(name)), strlen(text));
}

static void udp_expect(const struct udp *at, const char *text, const struct udp *from)
{
	union net_name name;
	socklen_t len = sizeof(name);
	char buf[64];
	ssize_t n = recvfrom(at->fd, buf, sizeof(buf), MSG_DONTWAIT, &name.any, &len);

	LIVE_EQUAL(n, strlen(text));
	LIVE_CHECK(!memcmp(buf, text, (size_t)n));
	if (name.any.sa_family == AF_INET)
		LIVE_EQUAL(name.v4.sin_port, from->name.v4.sin_port);
	else
		LIVE_CHECK(!memcmp(&name.v6, &from->name.v6, sizeof(name.v6)));
}

static int udp_events(const struct udp *u)
{
	struct pollfd p = { .fd = u->fd, .events = POLLIN | POLLRDHUP };

	return poll(&p, 1, 0) == 1 ? p.revents : 0;
}

int main(void)
{
	struct udp deaf = udp_bound(AF_INET, false), shut = udp_bound(AF_INET, false);
	struct udp mute = udp_bound(AF_INET, false);
	struct udp a = udp_bound(AF_INET, false), b = udp_bound(AF_INET, true);
	struct udp c = udp_bound(AF_INET6, false), gone = udp_bound(AF_INET, false);
	union net_name name;
	socklen_t len = sizeof(name);
	char byte;

	udp_send(&a, &b, "one");
	udp_send(&gone, &b, "from one who is gone");
	udp_send(&a, &b, "");
	udp_send(&b, &b, "to myself");
	udp_send(&b, &a, "back");
	udp_send(&c, &c, "six");
	close(gone.fd);
	LIVE_CHECK(!connect(a.fd, &b.name.any, sizeof(b.name.v4)));
	/* Refused without a peer, and it does what it is used for all the same: who waits there is woken. */
	LIVE_CHECK(shutdown(deaf.fd, SHUT_RD) < 0 && errno == ENOTCONN);
	LIVE_CHECK(!connect(shut.fd, &b.name.any, sizeof(b.name.v4)) &&
		   !shutdown(shut.fd, SHUT_RDWR));

	LIVE_CHECK(!connect(mute.fd, &b.name.any, sizeof(b.name.v4)) &&
		   !shutdown(mute.fd, SHUT_WR));

	live_ready();

	LIVE_EQUAL(udp_events(&deaf), POLLIN | POLLRDHUP);
	LIVE_EQUAL(recv(deaf.fd, &byte, 1, 0), 0);
	LIVE_EQUAL(udp_events(&shut), POLLIN | POLLRDHUP | POLLHUP);
	LIVE_CHECK(send(shut.fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	LIVE_CHECK(send(mute.fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE);
	LIVE_EQUAL(udp_events(&mute), 0);
	LIVE_EQUAL(udp_events(&a) & POLLRDHUP, 0);

	udp_expect(&b, "one", &a);
	udp_expect(&b, "from one who is gone", &gone);
	udp_expect(&b, "", &a);
	udp_expect(&b, "to myself", &b);
	udp_expect(&a, "back", &b);
	udp_expect(&c, "six", &c);
	LIVE_CHECK(recv(b.fd, &byte, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN);
	LIVE_CHECK(!getpeername(a.fd, &name.any, &len));
	LIVE_EQUAL(name.v4.sin_port, b.name.v4.sin_port);
	LIVE_EQUAL(send(a.fd, "more", 4, 0), 4);
	udp_expect(&b, "more", &a);
	return 0;
}
