/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a TCP socket has counted. A header of its own: the kernel's words for it and libc's
 * cannot be seen together.
 */
#pragma once

#include <stdint.h>

struct inet_count {
	uint32_t state; /* TCP_ESTABLISHED, ... */
	uint64_t sent; /* bytes, each once */
	uint64_t received; /* bytes, and its FIN as one */
	uint32_t options; /* agreed on with the other end; 0: there never was one */
	uint32_t waiting, backlog; /* LISTEN: clients to be accepted, and how many there may be */
	uint32_t age_ms; /* since the other end was heard last */
};

/* Zero where the kernel does not tell. */
void inet_count(struct inet_count *count, int fd);
