/* SPDX-License-Identifier: Apache-2.0 */
#include "res/packet.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

enum { OPTION_VNET_HDR_SZ = 24 }; /* newer than the headers */

/* What is read by getsockopt and given again by setsockopt. The order is part of the image format. */
static const int packet_options_known[IMG_PACKET_OPTIONS] = {
	PACKET_VERSION,	     PACKET_RESERVE,	     PACKET_LOSS,
	PACKET_VNET_HDR,     OPTION_VNET_HDR_SZ,     PACKET_TX_HAS_OFF,
	PACKET_TIMESTAMP,    PACKET_AUXDATA,	     PACKET_ORIGDEV,
	PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING, PACKET_COPY_THRESH,
};

void packet_option_get(int fd, struct img_packet *p)
{
	for (unsigned int i = 0; i < IMG_PACKET_OPTIONS; i++) {
		socklen_t len = sizeof(p->option[i]);

		if (getsockopt(fd, SOL_PACKET, packet_options_known[i], &p->option[i], &len) == 0)
			p->options_set |= 1u << i;
	}
}

void packet_option_set(int fd, const struct img_packet *p)
{
	for (unsigned int i = 0; i < IMG_PACKET_OPTIONS; i++) {
		socklen_t len = sizeof(int);
		int now = 0;

		if (!(p->options_set >> i & 1) ||
		    (getsockopt(fd, SOL_PACKET, packet_options_known[i], &now, &len) == 0 &&
		     now == p->option[i]))
			continue;
		setsockopt(fd, SOL_PACKET, packet_options_known[i], &p->option[i], len);
	}
}

uint32_t packet_option_version(const struct img_packet *p)
{
	return p->options_set >> PACKET_OPTION_VERSION & 1
		       ? (uint32_t)p->option[PACKET_OPTION_VERSION]
		       : TPACKET_V1;
}
