/* SPDX-License-Identifier: Apache-2.0 */
/* TCP_INFO in the kernel's own words: libc's struct is an old one, and the two cannot be seen together. */
#include "res/inet_count.h"

#include <linux/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

void inet_count(struct inet_count *count, int fd)
{
	struct tcp_info info = { .tcpi_state = 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	*count = (struct inet_count){
		.state = info.tcpi_state,
		.sent = info.tcpi_bytes_sent - info.tcpi_bytes_retrans,
		.received = info.tcpi_bytes_received,
		.options = info.tcpi_options,
		.age_ms = info.tcpi_last_ack_recv,
		.waiting = info.tcpi_unacked,
		.backlog = info.tcpi_sacked,
	};
}
