/* SPDX-License-Identifier: Apache-2.0 */
#include "job/walltime.h"

#include "base/text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Numbers with colons between them, at most @max; how many, 0 for anything else. */
static size_t walltime_numbers(uint64_t *n, size_t max, const char *p, const char *end)
{
	for (size_t i = 0; i < max; i++) {
		if (!text_scan(&p, end, 10, &n[i]) || n[i] > (uint64_t)WALLTIME_MAX)
			return 0;
		if (p == end)
			return i + 1;
		if (*p++ != ':')
			return 0;
	}
	return 0;
}

bool walltime_parse(int64_t *seconds, const char *text)
{
	static const uint64_t in_days[] = { 3600, 60, 1 };
	static const uint64_t plain[][3] = { { 60 }, { 60, 1 }, { 3600, 60, 1 } };
	const char *dash = strchr(text, '-'), *end = text + strlen(text), *p = text;
	uint64_t n[3] = { 0 }, days = 0, sum;
	size_t count;

	if (dash &&
	    (!text_scan(&p, dash, 10, &days) || p != dash || days > (uint64_t)WALLTIME_MAX / 86400))
		return false;
	count = walltime_numbers(n, 3, dash ? dash + 1 : text, end);
	if (!count)
		return false;
	sum = days * 86400;
	for (size_t i = 0; i < count; i++)
		sum += n[i] * (dash ? in_days[i] : plain[count - 1][i]);
	if (sum > (uint64_t)WALLTIME_MAX)
		return false;
	*seconds = (int64_t)sum;
	return true;
}

struct walltime_text walltime_write(int64_t seconds)
{
	struct walltime_text t;
	long long s = seconds < 0 ? 0 : seconds;
	int n = s < 86400 ? 0 : snprintf(t.s, sizeof(t.s), "%lld-", s / 86400);

	snprintf(t.s + n, sizeof(t.s) - (size_t)n, "%02lld:%02lld:%02lld", s % 86400 / 3600,
		 s % 3600 / 60, s % 60);
	return t;
}
