/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures for people: sizes, times, and reading them from options.
 *
 * The one rule: JSON never carries these; there sizes are bytes and times are seconds.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>

struct human_text {
	char s[32];
};

struct human_text human_size(uint64_t bytes); /* "0 B", "12.3 MiB" */
struct human_text human_time(int64_t ns); /* "0.85 ms", "12.3 s", "3 h 05 min" */

/* Seconds from "90", "90s", "1.5m", "2h", "1d"; whole seconds, at most a year. */
int human_parse_seconds(unsigned int *seconds, const char *text, struct err *err);
