/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Remains of ended connections. Those that were killed a moment ago still stand in TIME_WAIT, and one end's
 * port cannot be bound where its socket had no SO_REUSEADDR. A connection attempt from where the other end
 * was makes the kernel answer with the old numbers, which draws a reset, and on that it forgets (RFC 1337
 * tells of it as a hazard): no privilege is needed.
 */
#include "base/owned.h"
#include "res/inet.h"
#include "res/inetdiag.h"

#include <errno.h>
#include <time.h>

enum { INET_BIND_PAUSE_NS = 1000000, INET_BIND_PAUSE_MAX_NS = 200000000 };

struct inet_ports {
	const uint16_t *at;
	size_t n;
};

bool inet_claim_port(int fd, const union inet_name *name, socklen_t len)
{
	uint32_t port = inet_name_port(name), range = port | port << 16, one = 1;
	union inet_name anywhere = *name;

	if (setsockopt(fd, IPPROTO_IP, INET_IP_LOCAL_PORT_RANGE, &range, sizeof(range)) < 0)
		return false;
	if (name->any.sa_family == AF_INET)
		anywhere.v4.sin_port = 0;
	else
		anywhere.v6.sin6_port = 0;
	setsockopt(fd, IPPROTO_IP, INET_IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	return bind(fd, &anywhere.any, len) == 0;
}

void inet_claim_end(int fd)
{
	uint32_t none = 0;

	setsockopt(fd, IPPROTO_IP, INET_IP_BIND_ADDRESS_NO_PORT, &none, sizeof(none));
	setsockopt(fd, IPPROTO_IP, INET_IP_LOCAL_PORT_RANGE, &none, sizeof(none));
}

bool inet_has_port(int fd, uint16_t port)
{
	union inet_name name = { .bytes = { 0 } };
	socklen_t len = sizeof(name);

	return getsockname(fd, &name.any, &len) == 0 && inet_name_port(&name) == port;
}

/*
 * Where both ends still stand in TIME_WAIT, neither may be connected from, unless by a socket that has
 * the port from bind, and bind refuses the port at this address. An address of a group is nobody's:
 * there it succeeds, and connect then replaces the address by the right one.
 */
static bool inet_bind_aside(int fd, const union inet_name *name)
{
	union inet_name aside = *name;

	if (name->any.sa_family != AF_INET)
		return false;
	aside.v4.sin_addr.s_addr = htonl(INADDR_ALLHOSTS_GROUP);
	return bind(fd, &aside.any, sizeof(aside.v4)) == 0;
}

enum inet_way { INET_WAY_BIND, INET_WAY_CLAIM, INET_WAY_ASIDE, INET_WAYS };

static bool inet_take_port(int fd, const union inet_name *name, socklen_t len, enum inet_way way)
{
	switch (way) {
	case INET_WAY_BIND:
		return bind(fd, &name->any, len) == 0;
	case INET_WAY_CLAIM:
		return inet_claim_port(fd, name, len);
	default:
		return inet_bind_aside(fd, name);
	}
}

/* What comes of it does not matter; that it has been tried from the right port does. */
static bool inet_knock(const struct inetdiag *d, enum inet_way way)
{
	union inet_name from, to;
	socklen_t from_len = inet_end_name(&from, &d->peer, d->domain);
	socklen_t to_len = inet_end_name(&to, &d->local, d->domain);
	OWNED_FD int fd = socket(d->domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || !inet_take_port(fd, &from, from_len, way))
		return false;
	if (connect(fd, &to.any, to_len) < 0 && errno != EINPROGRESS)
		return false;
	return inet_has_port(fd, d->peer.port);
}

static int inet_forget(const struct inetdiag *d, void *data)
{
	const struct inet_ports *ports = data;

	for (size_t i = 0; i < ports->n; i++)
		if (ports->at[i] == d->local.port || ports->at[i] == d->peer.port) {
			for (enum inet_way way = 0; way < INET_WAYS; way++)
				if (inet_knock(d, way))
					break;
			break;
		}
	return 0;
}

int inet_sweep(const uint16_t *ports, size_t n, struct err *err)
{
	struct inet_ports all = { ports, n };

	return inetdiag_list(IPPROTO_TCP, 1 << TCP_TIME_WAIT, inet_forget, &all, err);
}

/*
 * There is no event for the end of what is in the way, and it is a matter of milliseconds; only what
 * cannot be swept (IPv6, of which both ends remain) the kernel forgets by itself after a minute.
 */
int inet_bind(int fd, const union inet_name *name, socklen_t len, int seconds, struct err *err)
{
	struct timespec pause = { .tv_nsec = INET_BIND_PAUSE_NS };
	uint16_t port = inet_name_port(name);
	char text[INET_TEXT_MAX];
	int64_t waited = 0;

	while (bind(fd, &name->any, len) < 0) {
		if (errno != EADDRINUSE || waited > seconds * INT64_C(1000000000))
			return err_set(err, errno, "bind a socket to %s again",
				       inet_name_text(text, name));
		inet_sweep(&port, 1, NULL);
		if (waited) /* the first sweep is mostly enough */
			nanosleep(&pause, NULL);
		waited += pause.tv_nsec;
		if (pause.tv_nsec < INET_BIND_PAUSE_MAX_NS)
			pause.tv_nsec *= 2;
	}
	return 0;
}
