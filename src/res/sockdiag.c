/* SPDX-License-Identifier: Apache-2.0 */
#include "res/sockdiag.h"

#include "base/owned.h"
#include "res/netdiag.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKDIAG_REPLY_MAX = 32768 };

/* One socket, or with @flags of a dump and inode 0 all of them. A netlink socket that has been asked. */
static int sockdiag_ask(uint64_t ino, uint16_t flags, struct err *err)
{
	const struct {
		struct nlmsghdr h;
		struct unix_diag_req req;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | flags },
		.req = { .sdiag_family = AF_UNIX,
			 .udiag_states = ~0u,
			 .udiag_ino = (uint32_t)ino,
			 .udiag_show = UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN | UDIAG_SHOW_ICONS |
				       UDIAG_SHOW_VFS,
			 .udiag_cookie = { ~0u, ~0u } },
	};

	return netdiag_ask(&ask.h, err);
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

static int sockdiag_take(struct sockdiag_unix *diag, const struct nlmsghdr *h)
{
	const struct unix_diag_msg *msg = NLMSG_DATA(h);
	const struct rtattr *a = (const struct rtattr *)(msg + 1);
	size_t left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));
	int rc = 0;

	*diag = (struct sockdiag_unix){ .ino = msg->udiag_ino };
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
	OWNED_FD int nl = sockdiag_ask(ino, 0, err);
	const struct nlmsghdr *h = (const void *)reply;
	ssize_t n;
	int rc;

	*diag = (struct sockdiag_unix){ 0 };
	if (nl < 0)
		return nl;
	if (!reply)
		return err_set(err, ENOMEM, "ask the kernel about sockets");
	n = recv(nl, reply, SOCKDIAG_REPLY_MAX, 0);
	if (n < 0)
		return err_set(err, errno, "ask the kernel about sockets");
	if (!NLMSG_OK(h, (size_t)n))
		return err_say(err, EBADMSG, "the kernel's answer about socket %llu makes no sense",
			       (unsigned long long)ino);
	if (h->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *e = NLMSG_DATA(h);

		return err_set(err, e->error, "ask the kernel about UNIX socket %llu",
			       (unsigned long long)ino);
	}
	rc = sockdiag_take(diag, h);
	return rc < 0 ? err_set(err, rc, "keep what waits in a socket") : 0;
}

void sockdiag_unix_done(struct sockdiag_unix *diag)
{
	free(diag->clients);
	diag->clients = NULL;
}

static int sockdiag_add(const struct nlmsghdr *h, void *data)
{
	struct sockdiag_all *all = data;

	if (all->n == all->room) {
		size_t room = all->room ? all->room * 2 : 256;
		struct sockdiag_unix *more = realloc(all->at, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		all->at = more;
		all->room = room;
	}
	return sockdiag_take(&all->at[all->n++], h);
}

static int sockdiag_compare(const void *a, const void *b)
{
	const struct sockdiag_unix *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

int sockdiag_all(struct sockdiag_all *all, struct err *err)
{
	OWNED_FD int nl = sockdiag_ask(0, NLM_F_DUMP, err);
	int rc;

	*all = (struct sockdiag_all){ 0 };
	if (nl < 0)
		return nl;
	rc = netdiag_list(nl, sockdiag_add, all, err);
	if (rc < 0)
		return err_set(err, rc, "list UNIX sockets");
	if (all->n)
		qsort(all->at, all->n, sizeof(*all->at), sockdiag_compare);
	return 0;
}

const struct sockdiag_unix *sockdiag_find(const struct sockdiag_all *all, uint64_t ino)
{
	const struct sockdiag_unix key = { .ino = ino };

	return all->n ? bsearch(&key, all->at, all->n, sizeof(key), sockdiag_compare) : NULL;
}

void sockdiag_all_done(struct sockdiag_all *all)
{
	for (size_t i = 0; i < all->n; i++)
		sockdiag_unix_done(&all->at[i]);
	free(all->at);
	*all = (struct sockdiag_all){ 0 };
}
