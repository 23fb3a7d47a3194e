/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heart of a measured program: a page of a file, mapped shared, in which it notes that it runs.
 *
 * The one rule: the measured program writes beat and gap, the one that measures writes reset. So a
 * pause and a restart are seen from inside the program, the same way for every tool.
 */
#pragma once

#include <stdint.h>

struct heart {
	_Atomic int64_t beat_ns; /* CLOCK_REALTIME of the last beat */
	_Atomic int64_t gap_ns; /* the longest time between two beats since the last reset */
	_Atomic int32_t reset; /* set to 1: forget the longest gap; the program sets it back */
	_Atomic int32_t ready; /* memory is filled */
};
