/* SPDX-License-Identifier: Apache-2.0 */
#include "res/packetdiag.h"

#include "base/owned.h"
#include "res/netdiag.h"

#include <errno.h>
#include <linux/packet_diag.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct packetdiag_search {
	struct packetdiag *d;
	uint32_t ino;
};

static void packetdiag_info(struct packetdiag *d, const struct rtattr *a)
{
	struct packet_diag_info info = { .pdi_index = 0 };

	memcpy(&info, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(info) ? RTA_PAYLOAD(a) : sizeof(info));
	d->interface = (int32_t)info.pdi_index;
	d->running = info.pdi_flags & PDI_RUNNING;
	d->copy_thresh = info.pdi_copy_thresh;
}

static void packetdiag_ring(struct img_packet_ring *ring, const struct rtattr *a)
{
	struct packet_diag_ring r = { .pdr_block_nr = 0 };

	memcpy(&r, RTA_DATA(a), RTA_PAYLOAD(a) < sizeof(r) ? RTA_PAYLOAD(a) : sizeof(r));
	*ring = (struct img_packet_ring){
		.block_size = r.pdr_block_size,
		.blocks = r.pdr_block_nr,
		.frame_size = r.pdr_frame_size,
		.frames = r.pdr_frame_nr,
		.retire_ms = r.pdr_retire_tmo,
		.private_size = r.pdr_sizeof_priv,
		.features = r.pdr_features,
	};
}

static int packetdiag_members(struct packetdiag *d, const struct rtattr *a)
{
	const struct packet_diag_mclist *m = RTA_DATA(a);

	for (size_t i = 0; i < RTA_PAYLOAD(a) / sizeof(*m); i++) {
		struct img_packet_member *one = model_add(&d->members);

		if (!one)
			return -ENOMEM;
		*one = (struct img_packet_member){ .count = m[i].pdmc_count,
						   .type = m[i].pdmc_type,
						   .address_len = m[i].pdmc_alen };
		if_indextoname(m[i].pdmc_index, one->interface);
		memcpy(one->address, m[i].pdmc_addr, sizeof(one->address));
	}
	return 0;
}

/* 1: it is the one. */
static int packetdiag_take(const struct nlmsghdr *h, void *data)
{
	const struct packetdiag_search *search = data;
	const struct packet_diag_msg *msg = NLMSG_DATA(h);
	const struct rtattr *a = (const void *)(msg + 1);
	unsigned int left = (unsigned int)NLMSG_PAYLOAD(h, sizeof(*msg));
	struct packetdiag *d = search->d;
	int rc = 0;

	if (msg->pdiag_ino != search->ino)
		return 0;
	d->protocol = msg->pdiag_num;
	for (; rc >= 0 && RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		if (a->rta_type == PACKET_DIAG_INFO)
			packetdiag_info(d, a);
		else if (a->rta_type == PACKET_DIAG_RX_RING)
			packetdiag_ring(&d->receive, a);
		else if (a->rta_type == PACKET_DIAG_TX_RING)
			packetdiag_ring(&d->send, a);
		else if (a->rta_type == PACKET_DIAG_FANOUT)
			memcpy(&d->fanout, RTA_DATA(a), sizeof(d->fanout));
		else if (a->rta_type == PACKET_DIAG_MCLIST)
			rc = packetdiag_members(d, a);
	}
	return rc < 0 ? rc : 1;
}

int packetdiag_find(struct packetdiag *d, uint64_t ino, struct err *err)
{
	const struct {
		struct nlmsghdr h;
		struct packet_diag_req req;
	} ask = {
		.h = { .nlmsg_len = sizeof(ask),
		       .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		       .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = AF_PACKET,
			 .pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST |
				       PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT },
	};
	struct packetdiag_search search = { d, (uint32_t)ino };
	OWNED_FD int nl = netdiag_ask(&ask.h, err);
	int rc;

	*d = (struct packetdiag){ .protocol = 0 };
	if (nl < 0)
		return nl;
	rc = netdiag_list(nl, packetdiag_take, &search, err);
	return rc ? (rc < 0 ? rc : 0) : -ENOENT;
}

void packetdiag_done(struct packetdiag *d)
{
	free(d->members.at);
	*d = (struct packetdiag){ .protocol = 0 };
}
