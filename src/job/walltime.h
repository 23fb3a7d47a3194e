/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wall time as batch systems write it: "90", "10:30", "12:00:00", "2-12", "2-12:00:00".
 *
 * The one rule: what is written can be read back, by us and by Slurm; what is not a time is refused, never
 * guessed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WALLTIME_MAX (100LL * 366 * 86400) /* seconds: a hundred years */

/*
 * Seconds from Slurm's forms: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S. False for anything else ("UNLIMITED",
 * "INVALID", a person's remark).
 */
bool walltime_parse(int64_t *seconds, const char *text);

struct walltime_text {
	char s[32];
};
/* HH:MM:SS, from a day on D-HH:MM:SS. */
struct walltime_text walltime_write(int64_t seconds);
