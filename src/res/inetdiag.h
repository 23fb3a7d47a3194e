/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TCP and UDP sockets of this network namespace as the kernel knows them, also those that nobody has a
 * descriptor for. Source: sock_diag(7).
 */
#pragma once

#include "res/inet.h"

struct inetdiag {
	struct inet_end local, peer;
	int domain; /* AF_INET, AF_INET6: how the socket itself writes its addresses */
	/* TCP_ESTABLISHED, ... of netinet/tcp.h; TCP_NEW_SYN_RECV is TCP_SYN_RECV */
	uint32_t state;
	uint32_t inode; /* 0: no process has it: not accepted yet, or closed and not done yet */
	uint32_t shutdown; /* 1: receives no more, 2: sends no more */
	uint32_t received; /* bytes that can be read; LISTEN: clients to be accepted */
};

/* The TCP socket with these ends; -ENOENT: there is none. */
int inetdiag_find(struct inetdiag *d, const struct inet_end *local, const struct inet_end *peer,
		  struct err *err);

/*
 * Call @each for all sockets of @protocol (IPPROTO_TCP, IPPROTO_UDP) in one of @states (1 << TCP_x), both
 * families, until it returns other than 0, which is returned.
 */
int inetdiag_list(int protocol, uint32_t states, int (*each)(const struct inetdiag *d, void *data),
		  void *data, struct err *err);
