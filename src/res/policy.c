/* SPDX-License-Identifier: Apache-2.0 */
#include "res/policy.h"

#include "base/owned.h"
#include "base/text.h"
#include "host/path.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const policy_names[] = {
	[RES_POLICY_KEEP] = "keep",
	[RES_POLICY_ROLLBACK] = "rollback",
	[RES_POLICY_SAVE] = "save",
};

static bool policy_parse(enum res_policy *policy, const char *name)
{
	for (size_t i = RES_POLICY_KEEP; i < sizeof(policy_names) / sizeof(policy_names[0]); i++)
		if (text_equal(name, policy_names[i])) {
			*policy = (enum res_policy)i;
			return true;
		}
	return false;
}

char *res_policy_in(const char *dir, const char *pattern)
{
	char *joined = malloc(2 * strlen(dir) + strlen(pattern) + 2), *end = joined;

	if (!joined)
		return NULL;
	for (; *dir && !text_equal(dir, "/"); *end++ = *dir++)
		if (strchr("*?[\\", *dir))
			*end++ = '\\';
	*end++ = '/';
	strcpy(end, pattern);
	return joined;
}

/* @pattern with the directories before its first wildcard by their own names. */
static char *policy_resolve(const char *pattern)
{
	size_t fixed = strcspn(pattern, "*?[\\");
	OWNED_PTR char *dir = NULL, *real = NULL;

	while (fixed && pattern[fixed] != '/')
		fixed--;
	if (!fixed)
		dir = strdup(*pattern == '/' ? "/" : ".");
	else
		dir = strndup(pattern, fixed);
	real = dir ? realpath(dir, NULL) : NULL;
	if (dir && !real) /* not there yet */
		real = path_absolute(dir);
	return real ? res_policy_in(real, pattern + fixed + (pattern[fixed] == '/')) : NULL;
}

int res_policies_add(struct res_policies *p, const char *text, struct err *err)
{
	OWNED_PTR char *pattern = strdup(text);
	char *equals = pattern ? strrchr(pattern, '=') : NULL;
	struct res_rule rule, *more;

	if (!pattern)
		return err_set(err, ENOMEM, "%s", text);
	if (!equals || equals == pattern || !policy_parse(&rule.policy, equals + 1))
		return err_say(
			err, EINVAL,
			"PATTERN=POLICY with a policy of keep, rollback or save is wanted, not "
			"'%s'",
			text);
	*equals = '\0';
	if (strchr(pattern, '/'))
		rule.pattern = policy_resolve(pattern);
	else
		rule.pattern = owned_ptr_take(&pattern);
	more = rule.pattern ? realloc(p->at, (p->n + 1) * sizeof(*more)) : NULL;
	if (!more) {
		free(rule.pattern);
		return err_set(err, ENOMEM, "%s", text);
	}
	p->at = more;
	p->at[p->n++] = rule;
	return 0;
}

char *res_policy_text(const struct res_rule *rule)
{
	char *text;

	return asprintf(&text, "%s=%s", rule->pattern, policy_names[rule->policy]) < 0 ? NULL
										       : text;
}

static bool policy_matches(const struct res_rule *rule, const char *path)
{
	const char *name = strrchr(path, '/');

	if (strchr(rule->pattern, '/') || !name)
		return !fnmatch(rule->pattern, path, FNM_PATHNAME);
	return !fnmatch(rule->pattern, name + 1, 0);
}

enum res_policy res_policy_of(const struct res_policies *p, const char *path)
{
	for (size_t i = p ? p->n : 0; i-- > 0;)
		if (policy_matches(&p->at[i], path))
			return p->at[i].policy;
	return RES_POLICY_AUTO;
}
