/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of other families: netlink ones that wait for nothing are opened again; the rest is refused by
 * name.
 */
#include "base/owned.h"
#include "res/kinds.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { /* img_file.arg */
       SOCKET_ARG_TYPE,
       SOCKET_ARG_PROTOCOL,
       SOCKET_ARG_PORT, /* the address that the kernel answers to; 0: none yet */
       SOCKET_ARG_OPTIONS, /* bit n: option n is set */
       SOCKET_ARG_SNDBUF, /* as getsockopt gives it: doubled by the kernel */
       SOCKET_ARG_RCVBUF,
       SOCKET_ARG_PEER, /* the address that it is connected to */
       SOCKET_ARG_PEER_GROUP, /* likewise, a bit */
};

enum { SOCKET_GROUPS_MAX = 256 }; /* words of 32 groups each; img_file.data */

static const struct {
	int level, name;
} socket_options[] = {
	{ SOL_NETLINK, NETLINK_PKTINFO },	 { SOL_NETLINK, NETLINK_BROADCAST_ERROR },
	{ SOL_NETLINK, NETLINK_NO_ENOBUFS },	 { SOL_NETLINK, NETLINK_LISTEN_ALL_NSID },
	{ SOL_NETLINK, NETLINK_CAP_ACK },	 { SOL_NETLINK, NETLINK_EXT_ACK },
	{ SOL_NETLINK, NETLINK_GET_STRICT_CHK }, { SOL_SOCKET, SO_PASSCRED },
};
enum { SOCKET_NOPTIONS = sizeof(socket_options) / sizeof(socket_options[0]) };

static bool socket_match(const struct res_seen *seen)
{
	return S_ISSOCK(seen->st.st_mode);
}

static int socket_get(int fd, int level, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) < 0 ? 0 : value;
}

static const char *socket_family(int domain)
{
	switch (domain) {
	case AF_VSOCK:
		return "a socket to a virtual machine's host (vsock)";
	case AF_ALG:
		return "a socket of the kernel's cryptography (AF_ALG)";
	case AF_BLUETOOTH:
		return "a Bluetooth socket";
	case AF_CAN:
		return "a CAN bus socket";
	case AF_TIPC:
		return "a TIPC socket";
	case AF_XDP:
		return "an XDP socket";
	default:
		return "a socket of an unknown family";
	}
}

/* Groups are numbered from 1, 32 to a word. */
static int socket_keep_groups(struct model *m, int fd, struct img_ref *ref, struct err *err)
{
	uint32_t groups[SOCKET_GROUPS_MAX] = { 0 };
	socklen_t len = sizeof(groups);
	int rc = 0;

	if (getsockopt(fd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, groups, &len) == 0 && len)
		rc = model_put_bytes(m, ref, groups, len < sizeof(groups) ? len : sizeof(groups));
	return rc < 0 ? err_set(err, rc, "keep a netlink socket") : 0;
}

static int socket_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			  struct err *err)
{
	int domain = socket_get(seen->dup, SOL_SOCKET, SO_DOMAIN);
	size_t at = (size_t)(f - m->files.at);
	struct sockaddr_nl name = { .nl_pid = 0 };
	socklen_t len = sizeof(name);
	char byte;

	if (domain != AF_NETLINK)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is %s (family %d), which cannot be brought back; close it "
			"before the checkpoint",
			seen->fd, socket_family(domain), domain);
	/* Also a peek would take a pending error away from the program. */
	if (recv(seen->dup, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
		return err_say(
			err, RES_BUSY,
			"descriptor %d is a netlink socket with answers that the program has not "
			"read yet; try again when it has",
			seen->fd);
	f->arg[SOCKET_ARG_TYPE] = (uint64_t)socket_get(seen->dup, SOL_SOCKET, SO_TYPE);
	f->arg[SOCKET_ARG_PROTOCOL] = (uint64_t)socket_get(seen->dup, SOL_SOCKET, SO_PROTOCOL);
	f->arg[SOCKET_ARG_SNDBUF] = (uint64_t)socket_get(seen->dup, SOL_SOCKET, SO_SNDBUF);
	f->arg[SOCKET_ARG_RCVBUF] = (uint64_t)socket_get(seen->dup, SOL_SOCKET, SO_RCVBUF);
	if (getsockname(seen->dup, (struct sockaddr *)&name, &len) == 0)
		f->arg[SOCKET_ARG_PORT] = name.nl_pid;
	len = sizeof(name);
	if (getpeername(seen->dup, (struct sockaddr *)&name, &len) == 0) {
		f->arg[SOCKET_ARG_PEER] = name.nl_pid;
		f->arg[SOCKET_ARG_PEER_GROUP] = name.nl_groups;
	}
	for (unsigned int i = 0; i < SOCKET_NOPTIONS; i++)
		if (socket_get(seen->dup, socket_options[i].level, socket_options[i].name))
			f->arg[SOCKET_ARG_OPTIONS] |= 1u << i;
	f->object = seen->st.st_ino;
	return socket_keep_groups(m, seen->dup, &m->files.at[at].data, err);
}

/* The port that it had, or any other: the kernel answers to whichever it is. */
static int socket_bind(int fd, const struct img_file *f, struct err *err)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK,
				    .nl_pid = (uint32_t)f->arg[SOCKET_ARG_PORT] };

	if (!name.nl_pid || bind(fd, (const struct sockaddr *)&name, sizeof(name)) == 0)
		return 0;
	name.nl_pid = 0;
	return bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0
		       ? err_set(err, errno, "give a netlink socket an address")
		       : 0;
}

/* Whom it sends to where a message does not say; who has not connected it sends to the kernel. */
static int socket_connect(int fd, const struct img_file *f, struct err *err)
{
	const struct sockaddr_nl name = { .nl_family = AF_NETLINK,
					  .nl_pid = (uint32_t)f->arg[SOCKET_ARG_PEER],
					  .nl_groups = (uint32_t)f->arg[SOCKET_ARG_PEER_GROUP] };

	if (!name.nl_pid && !name.nl_groups)
		return 0;
	return connect(fd, (const struct sockaddr *)&name, sizeof(name)) < 0
		       ? err_set(err, errno, "connect a netlink socket again")
		       : 0;
}

static int socket_join(const struct model *m, const struct img_file *f, int fd, struct err *err)
{
	const uint32_t *words = model_bytes(m, f->data);

	for (uint32_t group = 1; group <= f->data.len / sizeof(*words) * 32; group++)
		if (words[(group - 1) / 32] >> (group - 1) % 32 & 1 &&
		    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return err_set(err, errno, "let a netlink socket hear group %u", group);
	return 0;
}

void res_set_buffer(int fd, int name, uint64_t size)
{
	int half = (int)(size / 2), force = name == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;

	setsockopt(fd, SOL_SOCKET, name, &half, sizeof(half));
	if ((uint64_t)socket_get(fd, SOL_SOCKET, name) < size)
		setsockopt(fd, SOL_SOCKET, force, &half, sizeof(half));
}

/* Setting a size ends the kernel's own choice. */
static void socket_buffer(int fd, int name, uint64_t size)
{
	if ((uint64_t)socket_get(fd, SOL_SOCKET, name) != size)
		res_set_buffer(fd, name, size);
}

static int socket_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	OWNED_FD int fd = socket(AF_NETLINK, (int)f->arg[SOCKET_ARG_TYPE] | SOCK_CLOEXEC,
				 (int)f->arg[SOCKET_ARG_PROTOCOL]);
	const int on = 1;
	int rc;

	if (fd < 0)
		return err_set(err, errno, "make a netlink socket");
	for (unsigned int i = 0; i < SOCKET_NOPTIONS; i++)
		if (f->arg[SOCKET_ARG_OPTIONS] >> i & 1)
			setsockopt(fd, socket_options[i].level, socket_options[i].name, &on,
				   sizeof(on));
	socket_buffer(fd, SO_SNDBUF, f->arg[SOCKET_ARG_SNDBUF]);
	socket_buffer(fd, SO_RCVBUF, f->arg[SOCKET_ARG_RCVBUF]);
	rc = socket_bind(fd, f, err);
	if (rc >= 0)
		rc = socket_join(r->m, f, fd, err);
	if (rc >= 0)
		rc = socket_connect(fd, f, err);
	if (rc >= 0 && fcntl(fd, F_SETFL, f->open_flags) < 0)
		rc = err_set(err, errno, "flags of a netlink socket");
	return rc < 0 ? rc : owned_fd_take(&fd);
}

const struct res_kind res_socket = {
	.kind = IMG_F_SOCKET,
	.name = "socket",
	.match = socket_match,
	.capture = socket_capture,
	.make = socket_make,
};
