/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What verify and inspect look at: a generation, the newest one of a checkpoint directory, or one
 * image file.
 *
 * The one rule: what was named is taken, whole or damaged; nothing is skipped in silence.
 */
#pragma once

#include "base/err.h"
#include "host/options.h"

#include <stdbool.h>

struct target {
	char *path; /* of the generation, or of the file */
	bool is_file; /* one image, not a generation */
};

/* @given: the command's argument, may be NULL: then found as restart finds it. */
int target_find(struct target *target, const char *given, const struct options_common *common,
		struct err *err);
void target_done(struct target *target);
