/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which checkpoint directory, which generation: how restart, list, prune and others find it.
 *
 * The one rule: what was named is taken or refused; only what was left open is looked for.
 */
#pragma once

#include "base/err.h"
#include "host/options.h"

#include <stdint.h>

/*
 * The checkpoint directory meant by @given (an argument, may be NULL; a process's file under
 * dmtcp_launch stands for the directory that it names) or @common: -d, else ./cairn-NAME, else the one of the
 * only running computation, else the only ./cairn-* that there is. malloc'd, or NULL with @err.
 */
char *ckptdir_find(const char *given, const struct options_common *common, struct err *err);

/* Is @path a generation (its last part is gen-NNNNNN)? */
bool ckptdir_is_generation(const char *path);
