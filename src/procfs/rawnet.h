/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/net/raw and raw6: the raw sockets of a network namespace. Where the kernel has no list of them by
 * sock_diag (CONFIG_INET_DIAG_RAW) nothing else tells whom one is connected to. Source: net/ipv4/raw.c,
 * net/ipv6/datagram.c.
 *
 * The one rule: lines that are not a socket's are skipped.
 */
#pragma once

#include "procfs/scan.h"

struct rawnet {
	uint8_t peer[16]; /* as it stands in a packet, 4 or 16 bytes */
	uint16_t port; /* that connect was given: it means nothing, but is kept */
	uint64_t inode;
};

/* The next socket; of IPv6: @six. False at the end. */
bool rawnet_next(struct scan *text, bool six, struct rawnet *one);
