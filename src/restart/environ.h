/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New values in the environment of a process that is being rebuilt (restart --env; run's SLURM_*).
 *
 * The one rule: pointers that the program holds stay true. A value that fits is written where the old one
 * stands, on the stack that execve made; all else goes into a new mapping, and the program's array of
 * strings is made to point there.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

/* Map @size private bytes, zeroed and writable, into the process that is being rebuilt. */
typedef int environ_map_fn(void *data, uint64_t size, uint64_t *at, struct err *err);

/*
 * @env: NAME=VALUE, NULL-terminated, or NULL. When memory is filled and has its own protections. A name for
 * which the program has no place (no `environ` is found) is told on standard error and left out.
 */
int environ_set(const struct model *m, char *const *env, environ_map_fn *map, void *data,
		struct err *err);
