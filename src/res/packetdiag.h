/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells about a packet socket that no system call on it does. Source: net/packet/diag.c,
 * sock_diag(7).
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

#include <stdint.h>

struct packetdiag {
	uint16_t protocol; /* ETH_P_* */
	int32_t interface; /* by number; 0: all, -1: one that is gone */
	bool running;
	uint32_t copy_thresh;
	uint32_t fanout; /* as PACKET_FANOUT has it; 0: none */
	struct img_packet_ring receive, send;
	MODEL_ARRAY(struct img_packet_member) members;
};

/*
 * That with this inode, in this network namespace. -ENOENT: there is none, or the kernel knows no such
 * question (CONFIG_PACKET_DIAG). To be done also when it failed.
 */
int packetdiag_find(struct packetdiag *d, uint64_t ino, struct err *err);
void packetdiag_done(struct packetdiag *d);
