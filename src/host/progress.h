/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line that says how far a long piece of work is: on standard error, and only on a terminal.
 *
 * The one rule: what is not a terminal gets nothing, so logs stay clean.
 */
#pragma once

#include <stdint.h>

/* Show "label: 42 %  1.2 GiB of 2.9 GiB", at most ten times a second. */
void progress_show(const char *label, uint64_t done, uint64_t total);

/* Take the line away again, before anything else is printed. */
void progress_clear(void);
