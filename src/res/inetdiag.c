/* SPDX-License-Identifier: Apache-2.0 */
#include "res/inetdiag.h"

#include "base/owned.h"
#include "res/netdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>

struct inetdiag_ask {
	struct nlmsghdr h;
	struct inet_diag_req_v2 req;
};

static void inetdiag_put(__be32 to[4], const struct inet_end *e)
{
	if (inet_end_is_v4(e))
		memcpy(to, e->addr + 12, 4);
	else
		memcpy(to, e->addr, 16);
}

static struct inet_end inetdiag_end(int domain, const __be32 from[4], __be16 port)
{
	struct inet_end e = { .port = ntohs(port) };

	if (domain == AF_INET) {
		e.addr[10] = e.addr[11] = 0xff;
		memcpy(e.addr + 12, from, 4);
	} else {
		memcpy(e.addr, from, 16);
	}
	return e;
}

/* Attributes come behind the message. */
static uint32_t inetdiag_shutdown(const struct nlmsghdr *h)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(h);
	const struct rtattr *a = (const void *)(msg + 1);
	unsigned int left = (unsigned int)NLMSG_PAYLOAD(h, sizeof(*msg));

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left))
		if (a->rta_type == INET_DIAG_SHUTDOWN && RTA_PAYLOAD(a))
			return *(const uint8_t *)RTA_DATA(a);
	return 0;
}

static void inetdiag_take(struct inetdiag *d, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(h);
	int domain = msg->idiag_family;

	*d = (struct inetdiag){
		.local = inetdiag_end(domain, msg->id.idiag_src, msg->id.idiag_sport),
		.peer = inetdiag_end(domain, msg->id.idiag_dst, msg->id.idiag_dport),
		.domain = domain,
		.state = msg->idiag_state,
		.inode = msg->idiag_inode,
		.shutdown = inetdiag_shutdown(h),
		.received = msg->idiag_rqueue,
	};
}

static int inetdiag_send(struct inetdiag_ask *ask, struct err *err)
{
	ask->h.nlmsg_len = sizeof(*ask);
	ask->h.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	ask->h.nlmsg_flags |= NLM_F_REQUEST;
	return netdiag_ask(&ask->h, err);
}

int inetdiag_find(struct inetdiag *d, const struct inet_end *local, const struct inet_end *peer,
		  struct err *err)
{
	_Alignas(struct nlmsghdr) char reply[1024];
	const struct nlmsghdr *h = (const void *)reply;
	struct inetdiag_ask ask = {
		.req = { .sdiag_family = inet_end_is_v4(local) ? AF_INET : AF_INET6,
			 .sdiag_protocol = IPPROTO_TCP,
			 .idiag_states = ~0u,
			 .id = { .idiag_sport = htons(local->port),
				 .idiag_dport = htons(peer->port),
				 .idiag_cookie = { ~0u, ~0u } } },
	};
	OWNED_FD int nl = -1;
	ssize_t n;

	inetdiag_put(ask.req.id.idiag_src, local);
	inetdiag_put(ask.req.id.idiag_dst, peer);
	nl = inetdiag_send(&ask, err);
	if (nl < 0)
		return nl;
	n = recv(nl, reply, sizeof(reply), 0);
	if (n < 0 || !NLMSG_OK(h, (size_t)n))
		return err_set(err, n < 0 ? errno : EBADMSG, "ask the kernel about a connection");
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	inetdiag_take(d, h);
	/* Where there is no such connection the kernel shows who listens there. */
	return d->state == TCP_LISTEN || d->state == TCP_CLOSE ? -ENOENT : 0;
}

struct inetdiag_reader {
	int (*each)(const struct inetdiag *d, void *data);
	void *data;
};

static int inetdiag_each(const struct nlmsghdr *h, void *data)
{
	const struct inetdiag_reader *r = data;
	struct inetdiag d;

	inetdiag_take(&d, h);
	return r->each(&d, r->data);
}

int inetdiag_list(int protocol, uint32_t states, int (*each)(const struct inetdiag *d, void *data),
		  void *data, struct err *err)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };
	struct inetdiag_reader reader = { each, data };
	int rc = 0;

	for (size_t i = 0; !rc && i < 2; i++) {
		struct inetdiag_ask ask = {
			.h = { .nlmsg_flags = NLM_F_DUMP },
			.req = { .sdiag_family = families[i],
				 .sdiag_protocol = (uint8_t)protocol,
				 .idiag_states = states },
		};
		OWNED_FD int nl = inetdiag_send(&ask, err);

		rc = nl < 0 ? nl : netdiag_list(nl, inetdiag_each, &reader, err);
	}
	return rc;
}
