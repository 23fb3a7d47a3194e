/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/catalog.h"

#include "lib/bytes.h"

#include <err.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct kind kinds[] = {
	{ .name = "apps", .seconds = 240, .both = true, .pattern = "tests/apps/*.sh" },
	{ .name = "cli", .seconds = 120, .both = true, .pattern = "tests/cli/*.sh" },
	{ .name = "containers", .seconds = 120, .both = true, .pattern = "tests/containers/*.sh" },
	{ .name = "slurm", .seconds = 180, .both = true, .pattern = "tests/slurm/*.sh" },
	{ .name = "live",
	  .seconds = 60,
	  .both = true,
	  .driven = true,
	  .pattern = "build/tests/live/*" },
	{ .name = "park", .seconds = 120, .both = true, .pattern = "build/tests/park/*" },
	{ .name = "gate", .seconds = 300, .in_place = true, .pattern = "tools/check-*" },
	{ .name = "unit", .seconds = 120, .pattern = "build/tests/unit/*" },
	{ .name = "fuzz", .seconds = 60, .pattern = "build/tests/fuzz/*" },
};

static const char *without_prefix(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? text : text + n;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK) &&
	       !ends_with(path, ".so") && !ends_with(path, ".o") && !ends_with(path, ".a");
}

/* A file found: @path is where it lies from the top of a tree. */
static void add(struct catalog *c, const struct kind *kind, const char *path)
{
	const char *base = without_prefix(strrchr(path, '/') + 1, "check-");
	size_t n = strlen(base) - (ends_with(base, ".sh") ? 3 : 0);

	if (n == 3 && !strncmp(base, "lib", 3))
		return; /* what the scripts of a kind share */
	c->test = reallocarray(c->test, c->n + 1, sizeof(*c->test));
	if (!c->test)
		err(1, "%zu tests", c->n);
	c->test[c->n++] = (struct test){
		.kind = kind,
		.name = bytes_format("%s/%.*s", kind->name, (int)n, base),
		.path = bytes_format("%s", path),
	};
}

static void find_kind(struct catalog *c, const struct kind *kind, const char *top,
		      const char *build)
{
	const char *below = without_prefix(kind->pattern, "build/");
	bool built = below != kind->pattern;
	const char *where = built ? build : top;
	OWNED_TEXT char *pattern = bytes_format("%s/%s", where, below);
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *rest = found.gl_pathv[i] + strlen(where) + 1;
		OWNED_TEXT char *path = bytes_format("%s%s", built ? "build/" : "", rest);

		if (!built || is_program(found.gl_pathv[i]))
			add(c, kind, path);
	}
	globfree(&found);
}

struct catalog catalog_find(const char *top, const char *build)
{
	struct catalog c = { 0 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		find_kind(&c, &kinds[i], top, build);
	return c;
}

static bool is_named(const struct test *t, const char *pattern)
{
	size_t n = strlen(pattern);

	return !fnmatch(pattern, t->name, 0) ||
	       (n && pattern[n - 1] == '/' && !strncmp(t->name, pattern, n));
}

/* Move what @pattern names to place @at and behind; true if it names any test at all. */
static bool select_one(struct catalog *c, size_t *at, const char *pattern)
{
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		struct test t = c->test[i];

		if (!is_named(&t, pattern))
			continue;
		any = true;
		if (i < *at)
			continue; /* an earlier pattern had it */
		memmove(&c->test[*at + 1], &c->test[*at], (i - *at) * sizeof(t));
		c->test[(*at)++] = t;
	}
	return any;
}

static void cut(struct catalog *c, size_t n)
{
	while (c->n > n) {
		c->n--;
		free(c->test[c->n].name);
		free(c->test[c->n].path);
	}
}

const char *catalog_select(struct catalog *c, char *const *patterns, size_t n)
{
	size_t chosen = 0;

	for (size_t i = 0; i < n; i++)
		if (!select_one(c, &chosen, patterns[i]))
			return patterns[i];
	if (n)
		cut(c, chosen);
	return NULL;
}

void catalog_done(struct catalog *c)
{
	cut(c, 0);
	free(c->test);
	c->test = NULL;
}
