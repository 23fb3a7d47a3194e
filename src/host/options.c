/* SPDX-License-Identifier: Apache-2.0 */
#include "host/options.h"
#include "base/text.h"
#include "host/human.h"
#include "host/path.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS_USAGE_ERROR = 2 };

const char *options_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

bool options_env_bool(const char *name)
{
	const char *v = options_env(name);

	return v && strcmp(v, "0") && strcmp(v, "no") && strcmp(v, "false");
}

static void options_common_init(struct options_common *c)
{
	c->name = options_env("CAIRN_NAME");
	c->ckpt_dir = options_env("CAIRN_CKPT_DIR");
	c->json = options_env_bool("CAIRN_JSON");
}

static error_t options_common_parse(int key, char *arg, struct argp_state *state)
{
	struct options_common *c = state->input;
	struct err err = ERR_INIT;

	switch (key) {
	case ARGP_KEY_INIT:
		options_common_init(c);
		return 0;
	case 'n':
		c->name = arg;
		return 0;
	case 'd':
		if (!*arg)
			argp_error(state, "the checkpoint directory cannot be empty");
		c->ckpt_dir = arg;
		return 0;
	case 'J':
		c->json = true;
		return 0;
	case ARGP_KEY_END:
		if (c->name && path_check_name(c->name, &err) < 0)
			argp_error(state, "%s", err.msg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

#define OPTIONS_NAME_AND_DIR                                                                        \
	{ "name", 'n', "NAME", 0, "the computation (default: $CAIRN_NAME, else the only one)", 0 }, \
	{                                                                                           \
		"ckpt-dir", 'd', "DIR", 0,                                                          \
			"the checkpoint directory (default: $CAIRN_CKPT_DIR, else ./cairn-NAME)",   \
			0                                                                           \
	}

static const struct argp_option options_name_list[] = { OPTIONS_NAME_AND_DIR, { 0 } };
static const struct argp_option options_json_list[] = {
	OPTIONS_NAME_AND_DIR,
	{ "json", 'J', NULL, 0, "report as JSON", 0 },
	{ 0 },
};
static const struct argp options_name_argp = { .options = options_name_list,
					       .parser = options_common_parse };
static const struct argp options_json_argp = { .options = options_json_list,
					       .parser = options_common_parse };
const struct argp_child options_with_name[] = { { &options_name_argp, 0, NULL, 0 }, { 0 } };
const struct argp_child options_with_json[] = { { &options_json_argp, 0, NULL, 0 }, { 0 } };

void options_parse(const struct argp *argp, int argc, char **argv, unsigned int flags, void *input)
{
	argp_err_exit_status = OPTIONS_USAGE_ERROR;
	if (argp_parse(argp, argc, argv, flags, NULL, input))
		exit(OPTIONS_USAGE_ERROR);
}

unsigned int options_number(const struct argp_state *state, const char *option, const char *text,
			    unsigned int max)
{
	uint64_t v = 0;

	if (!text_number(text, &v) || v > max)
		argp_error(state, "%s wants a number from 0 to %u, not '%s'", option, max, text);
	return (unsigned int)v;
}

unsigned int options_seconds(const struct argp_state *state, const char *option, const char *text)
{
	struct err err = ERR_INIT;
	unsigned int s = 0;

	if (human_parse_seconds(&s, text, &err) < 0)
		argp_error(state, "%s: %s", option, err.msg);
	return s;
}
