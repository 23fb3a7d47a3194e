/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's code in every process, which tells the time without a system call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where it is in the process of @tid. False: nowhere, or that cannot be seen. */
bool vdso_find(pid_t tid, uint64_t *start, uint64_t *end);

/*
 * Does stopped thread @tid stand in there? It may have addresses of the kernel's data beside it in its
 * registers, which are others in another time namespace, and on another kernel.
 */
bool vdso_is_around(pid_t tid);
