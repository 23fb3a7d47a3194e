/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tests there are: what the build made, and the scripts of the tree.
 *
 * The one rule: a test is found by where it lies; nothing has to be registered.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct kind {
	const char *name;
	unsigned int seconds; /* until a test counts as hung */
	bool both; /* runs programs under Cairn: as root and as a plain user */
	bool in_place; /* looks at the tree itself, not at a copy of it */
	bool driven; /* by drive live */
	const char *
		pattern; /* glob: below the build directory where "build/" is first, else the tree */
};

struct test {
	const struct kind *kind;
	char *name; /* "live/brk" */
	char *path; /* from the top of a tree; "build/..." is in the build directory */
};

struct catalog {
	struct test *test;
	size_t n;
};

/* All tests of the tree @top and the build directory @build. */
struct catalog catalog_find(const char *top, const char *build);

/*
 * Only those that a pattern names ("live/brk", "live/", "apps/j*"), in the patterns' order. Returns NULL, or
 * the pattern that names none.
 */
const char *catalog_select(struct catalog *c, char *const *patterns, size_t n);

void catalog_done(struct catalog *c);
