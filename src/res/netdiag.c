/* SPDX-License-Identifier: Apache-2.0 */
#include "res/netdiag.h"

#include "base/owned.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { NETDIAG_REPLY = 32768 };

int netdiag_ask(const struct nlmsghdr *question, struct err *err)
{
	OWNED_FD int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	if (nl < 0 || send(nl, question, question->nlmsg_len, 0) < 0)
		return err_set(err, errno, "ask the kernel about sockets");
	return owned_fd_take(&nl);
}

int netdiag_list(int nl, int (*each)(const struct nlmsghdr *h, void *data), void *data,
		 struct err *err)
{
	OWNED_PTR char *reply = malloc(NETDIAG_REPLY);

	if (!reply)
		return err_set(err, ENOMEM, "list sockets");
	for (;;) {
		const struct nlmsghdr *h = (const void *)reply;
		ssize_t n = recv(nl, reply, NETDIAG_REPLY, 0);
		size_t left = n < 0 ? 0 : (size_t)n;

		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "list sockets");
		for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			int rc;

			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return err_set(err, ((const struct nlmsgerr *)NLMSG_DATA(h))->error,
					       "list sockets");
			rc = each(h, data);
			if (rc)
				return rc;
		}
	}
}
