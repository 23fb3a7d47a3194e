/* SPDX-License-Identifier: Apache-2.0 */
/* cairn prune: remove old generations. */
#include "cli/ckptdir.h"
#include "cli/command.h"
#include "base/owned.h"
#include "coord/generation.h"
#include "host/json.h"

#include <stdio.h>

enum { PRUNE_KEEP = 2, PRUNE_KEEP_MAX = 1000000 };

struct prune {
	struct options_common common;
	const char *dir;
	unsigned int keep;
};

static const struct argp_option prune_options[] = {
	{ "keep", 'k', "N", 0, "how many of the newest stay (default: $CAIRN_KEEP, else 2)", 0 },
	{ 0 },
};

static error_t prune_parse(int key, char *arg, struct argp_state *state)
{
	struct prune *p = state->input;
	const char *keep = options_env("CAIRN_KEEP");

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &p->common;
		state->name = state->argv[0]; /* argp has not come to it yet */
		if (keep)
			p->keep = options_number(state, "CAIRN_KEEP", keep, PRUNE_KEEP_MAX);
		return 0;
	case 'k':
		p->keep = options_number(state, "--keep", arg, PRUNE_KEEP_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (p->dir)
			argp_error(state, "one directory at a time");
		p->dir = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp prune_argp = {
	.options = prune_options,
	.parser = prune_parse,
	.args_doc = "[DIR]",
	.doc = "Remove all but the newest checkpoints of a checkpoint directory, and what "
	       "unfinished "
	       "ones have left.",
	.children = options_with_json,
};

int prune_command(int argc, char **argv, struct err *err)
{
	struct prune p = { .keep = PRUNE_KEEP };
	OWNED_JSON json_t *report = json_document();
	OWNED_PTR char *dir = NULL;
	unsigned int removed = 0;

	options_parse(&prune_argp, argc, argv, 0, &p);
	dir = ckptdir_find(p.dir, &p.common, err);
	if (!dir || generation_prune(dir, p.keep, &removed, err) < 0)
		return -err->num;
	json_object_set_new(report, "ckpt_dir", json_string_nocheck(dir));
	json_object_set_new(report, "removed", json_integer(removed));
	if (p.common.json)
		json_print(report);
	else
		printf("%u removed\n", removed);
	return COMMAND_OK;
}
