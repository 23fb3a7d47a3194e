/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a restart does with files that the program was using: by itself, or as the user says for those
 * that a pattern names.
 *
 * The one rule: of several patterns that name a file, the last one counts.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum res_policy {
	RES_POLICY_AUTO, /* nobody has said anything */
	RES_POLICY_KEEP, /* as it is found */
	RES_POLICY_ROLLBACK, /* cut back to the size it had */
	RES_POLICY_SAVE, /* what was in it, with the image */
};

struct res_rule {
	char *pattern; /* absolute, or without any '/': of the name alone */
	enum res_policy policy;
};

struct res_policies {
	struct res_rule *at;
	size_t n;
};

/*
 * Add "PATTERN=POLICY". A pattern with a '/' that is not absolute counts from the current directory; links
 * in the part before its first wildcard are followed, since the names of open files have none.
 */
int res_policies_add(struct res_policies *p, const char *text, struct err *err);

/* "PATTERN=POLICY" of one rule, to be added once more elsewhere; malloc'd, NULL: no memory. */
char *res_policy_text(const struct res_rule *rule);

/* The pattern for what @pattern names in directory @dir, whatever @dir's own characters; malloc'd. */
char *res_policy_in(const char *dir, const char *pattern);

/* For the file @path, absolute. @p may be NULL. */
enum res_policy res_policy_of(const struct res_policies *p, const char *path);
