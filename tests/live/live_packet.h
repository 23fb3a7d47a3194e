/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of packet sockets share: numbered packets over the loopback interface, with a mark. */
#pragma once

#include "live_net.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>

enum { PACKET_PROTOCOL = 0x88b6, PACKET_BYTES = 3000 };

/* A mark of the process's own, @n of several. */
static inline uint32_t packet_mark(uint32_t n)
{
	return (uint32_t)getpid() | n << 28;
}

/* The kernel lets those with @mark through to @fd alone, where it stands at byte @header. */
static inline void packet_filter(int fd, uint32_t header, uint32_t mark)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, header),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mark, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog program = { .len = 4, .filter = code };

	LIVE_CHECK(!setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));
}

static inline int packet_socket(int type)
{
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0);

	if (fd < 0 && errno == EPERM)
		live_skip("only root has packet sockets");
	LIVE_CHECK(fd >= 0);
	return fd;
}

static inline struct sockaddr_ll packet_lo(void)
{
	return (struct sockaddr_ll){ .sll_family = AF_PACKET,
				     .sll_protocol = htons(PACKET_PROTOCOL),
				     .sll_ifindex = (int)if_nametoindex("lo"),
				     .sll_halen = 6 };
}

/* @fd of SOCK_DGRAM, without a protocol. */
static inline void packet_send(int fd, uint32_t mark, uint32_t number)
{
	const struct sockaddr_ll to = packet_lo();
	uint32_t packet[PACKET_BYTES / 4] = { htonl(mark), number };

	if (sendto(fd, packet, PACKET_BYTES, 0, (const void *)&to, sizeof(to)) < 0 &&
	    errno == ENETDOWN)
		live_skip("the loopback interface is down");
}
