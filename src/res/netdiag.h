/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the kernel about sockets, of whatever family, and the lists that it answers with. Source:
 * sock_diag(7).
 */
#pragma once

#include "base/err.h"

#include <linux/netlink.h>

/* Ask @question, all of nlmsg_len bytes of it. The netlink socket that has the answer. */
int netdiag_ask(const struct nlmsghdr *question, struct err *err);

/*
 * Hand each message of a list that was asked for (NLM_F_DUMP) to @each, until there are no more or it returns
 * anything but 0, which is then the result.
 */
int netdiag_list(int nl, int (*each)(const struct nlmsghdr *h, void *data), void *data,
		 struct err *err);
