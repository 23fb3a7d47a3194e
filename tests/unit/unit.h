/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every unit test needs: say which check failed, and go on to the next.
 *
 * The one rule: main ends with "return unit_result();": 0 when every check held, else 1.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int unit_failures;

#define CHECK(cond) unit_check((cond), #cond, __FILE__, __LINE__)
#define CHECK_STR(got, want) unit_check_str((got), (want), #got, __FILE__, __LINE__)
#define CHECK_INT(got, want) \
	unit_check_int((long long)(got), (long long)(want), #got, __FILE__, __LINE__)

static inline bool unit_check(bool ok, const char *what, const char *file, int line)
{
	if (!ok) {
		unit_failures++;
		fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	}
	return ok;
}

static inline bool unit_check_str(const char *got, const char *want, const char *what,
				  const char *file, int line)
{
	bool ok = !strcmp(got, want);

	if (!unit_check(ok, what, file, line))
		fprintf(stderr, "\tgot  \"%s\"\n\twant \"%s\"\n", got, want);
	return ok;
}

static inline bool unit_check_int(long long got, long long want, const char *what, const char *file,
				  int line)
{
	if (!unit_check(got == want, what, file, line))
		fprintf(stderr, "\tgot  %lld\n\twant %lld\n", got, want);
	return got == want;
}

static inline int unit_result(void)
{
	return unit_failures ? 1 : 0;
}
