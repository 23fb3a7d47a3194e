/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw sockets: what differs from UDP. They have no port, but their protocol stands where others have one; a
 * peer has none either, and then getpeername does not tell of it. Their queues are not kept.
 */
#include "base/owned.h"
#include "host/log.h"
#include "host/proc.h"
#include "procfs/rawnet.h"
#include "res/inet.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

bool inet_raw_is(const struct img_file *f)
{
	return f->arg[INET_ARG_TYPE] == SOCK_RAW;
}

void inet_raw_tell(const struct inet_seen *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	if (poll(&p, 1, 0) == 1 && p.revents & POLLIN)
		log_info("network",
			 "process %d, descriptor %d: what a %s socket has received and the program "
			 "has not read will be lost at a restart",
			 s->pid, s->number, s->raw ? "raw" : "ping");
}

static void raw_peer(struct res_capture *c, const struct rawnet *one, bool six)
{
	union inet_name peer = { .any.sa_family = six ? AF_INET6 : AF_INET };

	if (six)
		memcpy(&peer.v6.sin6_addr, one->peer, 16);
	else
		memcpy(&peer.v4.sin_addr, one->peer, 4);
	for (size_t i = 0; i < c->ninet; i++) {
		struct inet_seen *s = &c->inet[i];

		if (s->raw && model_file(s->m, s->id)->ino == one->inode)
			s->peer = inet_end_of(&peer);
	}
}

static int raw_list(struct res_capture *c, bool six, struct err *err)
{
	struct rawnet one = { .inode = 0 };
	OWNED_PTR char *text = NULL;
	struct scan scan;
	size_t len = 0;
	int rc = proc_read(getpid(), six ? "net/raw6" : "net/raw", &text, &len, err);

	if (rc < 0)
		return rc;
	scan = scan_over(text, len);
	while (rawnet_next(&scan, six, &one))
		if (!one.port) /* else getpeername has told */
			raw_peer(c, &one, six);
	return 0;
}

int inet_raw_peers(struct res_capture *c, struct err *err)
{
	bool four = false, six = false;
	int rc = 0;

	for (size_t i = 0; i < c->ninet; i++) {
		const struct inet_seen *s = &c->inet[i];

		if (s->raw)
			*(model_file(s->m, s->id)->arg[INET_ARG_DOMAIN] == AF_INET6 ? &six
										    : &four) = true;
	}
	if (four)
		rc = raw_list(c, false, err);
	if (rc >= 0 && six)
		rc = raw_list(c, true, err);
	return rc;
}
