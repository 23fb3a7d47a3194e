/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP, UDP and raw sockets: the kind. When a socket is captured its other end may not have been seen yet:
 * what it is connected to, and what stands in its queue, is found out when all descriptors of the
 * computation are known (inet_pair.c).
 */
#include "res/inet.h"
#include "res/inet_count.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int inet_get(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static bool inet_match(const struct res_seen *seen)
{
	int domain = S_ISSOCK(seen->st.st_mode) ? inet_get(seen->dup, SO_DOMAIN) : -1;

	return domain == AF_INET || domain == AF_INET6;
}

/* Ours for as long as the capture lasts; as many as there are sockets, whatever our soft limit is. */
static int inet_keep(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct rlimit limit;

	if (copy >= 0 || errno != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return copy;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static struct inet_seen *inet_seen_add(struct res_capture *c)
{
	if (c->ninet == c->inet_room) {
		size_t room = c->inet_room ? c->inet_room * 2 : 32;
		struct inet_seen *more = realloc(c->inet, room * sizeof(*more));

		if (!more)
			return NULL;
		c->inet = more;
		c->inet_room = room;
	}
	return &c->inet[c->ninet++];
}

void inet_capture_done(struct res_capture *c)
{
	for (size_t i = 0; i < c->ninet; i++)
		close(c->inet[i].fd);
	free(c->inet);
}

static bool inet_is_known(int type, int protocol)
{
	switch (type) {
	case SOCK_STREAM:
		return protocol == IPPROTO_TCP || protocol == INET_MPTCP;
	case SOCK_DGRAM:
		return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
		       protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
	default:
		return type == SOCK_RAW;
	}
}

static int inet_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			struct err *err)
{
	int type = inet_get(seen->dup, SO_TYPE), protocol = inet_get(seen->dup, SO_PROTOCOL);
	union inet_name name = { .bytes = { 0 } };
	socklen_t len = sizeof(name);
	struct inet_seen *s;

	if (!inet_is_known(type, protocol))
		return err_say(err, ENOTSUP,
			       "descriptor %d is a network socket of type %d and protocol %d, "
			       "which cannot "
			       "be checkpointed; close it before the checkpoint",
			       seen->fd, type, protocol);
	f->arg[INET_ARG_DOMAIN] = (uint64_t)inet_get(seen->dup, SO_DOMAIN);
	f->arg[INET_ARG_TYPE] = (uint64_t)type;
	f->arg[INET_ARG_PROTOCOL] = (uint64_t)protocol;
	s = inet_seen_add(seen->capture);
	if (!s)
		return err_set(err, ENOMEM, "look at a socket");
	*s = (struct inet_seen){ .m = m,
				 .id = f->id,
				 .pid = seen->pid,
				 .number = seen->fd,
				 .stream = type == SOCK_STREAM,
				 .multipath = protocol == INET_MPTCP,
				 .raw = type == SOCK_RAW,
				 .lossy = type == SOCK_RAW || protocol == IPPROTO_ICMP ||
					  protocol == IPPROTO_ICMPV6,
				 .fd = inet_keep(seen->dup) };
	if (s->fd < 0)
		return err_set(err, errno, "look at descriptor %d", seen->fd);
	if (getsockname(s->fd, &name.any, &len) == 0)
		s->local = inet_end_of(&name);
	len = sizeof(name);
	if (getpeername(s->fd, &name.any, &len) == 0)
		s->peer = inet_end_of(&name);
	s->role = inet_get(s->fd, SO_ACCEPTCONN) == 1 ? INET_LISTENING : INET_FRESH;
	s->rcvbuf = (uint32_t)inet_get(s->fd, SO_RCVBUF);
	return 0;
}

int inet_socket(const struct img_file *f, struct err *err)
{
	int type = (int)f->arg[INET_ARG_TYPE], protocol = (int)f->arg[INET_ARG_PROTOCOL];
	int fd =
		socket((int)f->arg[INET_ARG_DOMAIN], type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);

	if (fd >= 0)
		return fd;
	if (errno == EPERM && type == SOCK_RAW)
		return err_say(err, EPERM,
			       "it has a raw network socket, which only a user with the capability "
			       "CAP_NET_RAW may make: restart it as root");
	if (errno == EACCES && (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6))
		return err_say(err, EACCES,
			       "it has a socket for pings, which no group of yours may make here "
			       "(net.ipv4.ping_group_range): restart it as root");
	return err_set(err, errno, "make a network socket");
}

const struct inet_state *inet_state_of(const struct model *m, const struct img_file *f)
{
	const struct inet_state *s = model_bytes(m, f->data);

	if (f->kind != IMG_F_INET || f->data.len < sizeof(*s) ||
	    s->options_len > f->data.len - sizeof(*s) || s->name_len > sizeof(s->name) ||
	    s->peer_len > sizeof(s->peer))
		return NULL;
	return s;
}

const struct res_kind res_inet = {
	.kind = IMG_F_INET,
	.name = "network socket",
	.match = inet_match,
	.capture = inet_capture,
	.make = inet_make,
};
