/* SPDX-License-Identifier: Apache-2.0 */
#include "host/human.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct human_text human_size(uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	struct human_text t;
	double v = (double)bytes;
	size_t u = 0;

	for (; v >= 1024 && u + 1 < sizeof(units) / sizeof(units[0]); u++)
		v /= 1024;
	snprintf(t.s, sizeof(t.s), u == 0 || v >= 100 ? "%.0f %s" : "%.1f %s", v, units[u]);
	return t;
}

struct human_text human_time(int64_t ns)
{
	struct human_text t;
	double s = (double)ns / 1e9;

	if (ns < 0)
		snprintf(t.s, sizeof(t.s), "-");
	else if (s < 1)
		snprintf(t.s, sizeof(t.s), s < 0.1 ? "%.2f ms" : "%.0f ms", s * 1e3);
	else if (s < 120)
		snprintf(t.s, sizeof(t.s), "%.1f s", s);
	else if (s < 7200)
		snprintf(t.s, sizeof(t.s), "%d min %02d s", (int)s / 60, (int)s % 60);
	else
		snprintf(t.s, sizeof(t.s), "%lld h %02lld min", (long long)s / 3600,
			 (long long)s / 60 % 60);
	return t;
}

static double human_unit(const char *unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = { { "", 1 },     { "s", 1 },    { "m", 60 },
		      { "min", 60 }, { "h", 3600 }, { "d", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(unit, units[i].name))
			return units[i].seconds;
	return -1;
}

int human_parse_seconds(unsigned int *seconds, const char *text, struct err *err)
{
	char *end;
	double v = strtod(text, &end);
	double s = v * human_unit(end);

	if (end == text || !(v >= 0) || !(s >= 0) || s > 366.0 * 86400)
		return err_say(err, EINVAL,
			       "'%s' is not a time: give seconds, or a number with s, m, h or d",
			       text);
	*seconds = (unsigned int)s + (s > (unsigned int)s);
	return 0;
}
