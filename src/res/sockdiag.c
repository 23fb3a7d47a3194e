/* SPDX-License-Identifier: Apache-2.0 */
#include "res/sockdiag.h"

#include "base/owned.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKDIAG_REPLY_MAX = 8192 };

static int sockdiag_ask(int nl, uint64_t ino)
{
	struct {
		struct nlmsghdr h;
		struct unix_diag_req req;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST },
		.req = { .sdiag_family = AF_UNIX,
			 .udiag_states = ~0u,
			 .udiag_ino = (uint32_t)ino,
			 .udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS |
				       UDIAG_SHOW_VFS,
			 .udiag_cookie = { ~0u, ~0u } },
	};

	return send(nl, &ask, sizeof(ask), 0) < 0 ? -errno : 0;
}

static int sockdiag_clients(struct sockdiag_unix *diag, const uint32_t *inodes, size_t n)
{
	free(diag->clients);
	diag->clients = calloc(n + 1, sizeof(*diag->clients));
	if (!diag->clients)
		return -ENOMEM;
	diag->nclients = n;
	for (size_t i = 0; i < n; i++)
		diag->clients[i] = inodes[i];
	return 0;
}

static int sockdiag_take(struct sockdiag_unix *diag, const struct unix_diag_msg *msg, size_t len)
{
	int rc = 0;

	const struct rtattr *a = (const struct rtattr *)(msg + 1);
	size_t left = len - sizeof(*msg);

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		const void *data = RTA_DATA(a);

		if (a->rta_type == UNIX_DIAG_PEER) {
			diag->peer = *(const uint32_t *)data;
		} else if (a->rta_type == UNIX_DIAG_SHUTDOWN) {
			diag->shutdown = *(const uint8_t *)data;
		} else if (a->rta_type == UNIX_DIAG_RQLEN) {
			const struct unix_diag_rqlen *q = data;

			diag->waiting = q->udiag_rqueue;
			diag->backlog = q->udiag_wqueue;
		} else if (a->rta_type == UNIX_DIAG_ICONS) {
			rc = sockdiag_clients(diag, data, RTA_PAYLOAD(a) / sizeof(uint32_t));
		} else if (a->rta_type == UNIX_DIAG_VFS) {
			const struct unix_diag_vfs *vfs = data;

			diag->node_ino = vfs->udiag_vfs_ino;
			diag->node_dev = vfs->udiag_vfs_dev;
		}
	}
	return rc;
}

int sockdiag_unix(struct sockdiag_unix *diag, uint64_t ino, struct err *err)
{
	OWNED_PTR char *reply = malloc(SOCKDIAG_REPLY_MAX);
	OWNED_FD int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	const struct nlmsghdr *h;
	ssize_t n;
	int rc;

	*diag = (struct sockdiag_unix){ 0 };
	if (!reply)
		return err_set(err, ENOMEM, "ask the kernel about sockets");
	if (nl < 0)
		return err_set(err, errno, "ask the kernel about sockets");
	rc = sockdiag_ask(nl, ino);
	n = rc < 0 ? -1 : recv(nl, reply, SOCKDIAG_REPLY_MAX, 0);
	if (n < 0)
		return err_set(err, rc < 0 ? rc : errno, "ask the kernel about sockets");
	h = (const void *)reply;
	if (!NLMSG_OK(h, (size_t)n))
		return err_say(err, EBADMSG, "the kernel's answer about socket %llu makes no sense",
			       (unsigned long long)ino);
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		return err_set(err, e->error, "ask the kernel about UNIX socket %llu",
			       (unsigned long long)ino);
	}
	rc = sockdiag_take(diag, NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN);
	return rc < 0 ? err_set(err, rc, "keep what waits in a socket") : 0;
}

void sockdiag_unix_done(struct sockdiag_unix *diag)
{
	free(diag->clients);
	diag->clients = NULL;
}
