/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership by scope: OWNED_FD and OWNED_PTR variables are released when their scope is left.
 *
 *	OWNED_FD int fd = open(...);      closed unless owned_fd_take(&fd) handed it on
 *	OWNED_PTR char *buf = malloc(n);  freed unless owned_ptr_take(&buf) handed it on
 */
#pragma once

#include "base/sys.h"

static inline void owned_fd_done(const int *fd)
{
	if (*fd >= 0)
		sys1(__NR_close, *fd);
}

/* Hand the descriptor to the caller; the variable owns nothing afterwards. */
static inline int owned_fd_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void owned_ptr_done(void *ptr_to_ptr)
{
	__builtin_free(*(void **)ptr_to_ptr);
}

#define OWNED_FD __attribute__((cleanup(owned_fd_done)))
#define OWNED_PTR __attribute__((cleanup(owned_ptr_done)))
#define owned_ptr_take(p)                            \
	({                                           \
		__typeof__(*(p)) owned_taken = *(p); \
		*(p) = NULL;                         \
		owned_taken;                         \
	})
