/* SPDX-License-Identifier: Apache-2.0 */
/* cairn restart: a computation goes on from a generation. */
#include "base/owned.h"
#include "cli/agent_argp.h"
#include "cli/ckptdir.h"
#include "cli/command.h"
#include "cli/resume.h"
#include "host/path.h"

#include <stdlib.h>
#include <string.h>

struct restart {
	struct agent_argp agent;
	struct restart_options options;
	char **env; /* NULL-terminated */
	size_t nenv;
	const char *path;
};

static const struct argp_option restart_argp_options[] = {
	{ "env", 'e', "NAME=VALUE", 0, "set this in the program's environment; may be repeated",
	  0 },
	{ "ids", 'I', "auto|direct|namespace|cycle", 0,
	  "how process ids come back (default: $CAIRN_IDS, else auto)", 0 },
	{ 0 },
};

static enum ids_strategy restart_ids(const struct argp_state *state, const char *text)
{
	enum ids_strategy strategy = IDS_AUTO;

	if (!resume_parse_ids(&strategy, text))
		argp_error(state, "--ids wants auto, direct, namespace or cycle, not '%s'", text);
	return strategy;
}

static void restart_add_env(struct restart *r, char *text, const struct argp_state *state)
{
	char **env = realloc(r->env, (r->nenv + 2) * sizeof(*env));

	if (!strchr(text, '=') || *text == '=')
		argp_error(state, "--env wants NAME=VALUE, not '%s'", text);
	if (!env)
		argp_failure(state, COMMAND_NOT_STARTED, 0, "out of memory");
	r->env = env;
	env[r->nenv++] = text;
	env[r->nenv] = NULL;
}

static error_t restart_parse(int key, char *arg, struct argp_state *state)
{
	struct restart *r = state->input;
	const char *ids = options_env("CAIRN_IDS");

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &r->agent;
		state->name = state->argv[0]; /* argp has not come to it yet */
		if (ids)
			r->options.strategy = restart_ids(state, ids);
		return 0;
	case 'e':
		restart_add_env(r, arg, state);
		return 0;
	case 'I':
		r->options.strategy = restart_ids(state, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (r->path)
			argp_error(state, "one checkpoint at a time");
		r->path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp restart_argp = {
	.options = restart_argp_options,
	.parser = restart_parse,
	.args_doc = "[DIR | DIR/gen-NNNNNN]",
	.doc = "Restart a computation from its newest complete checkpoint in DIR, or from the one "
	       "named."
	       "\vIt runs in the foreground, with the streams and terminal of this command; its "
	       "exit "
	       "status, or death by a signal, is passed on. 125: it could not be restarted.",
	.children = agent_argp_children,
};

/* Where new checkpoints go: beside the one that was restarted, unless -d says otherwise. */
static char *restart_ckpt_dir(const struct restart *r, const char *path)
{
	OWNED_PTR char *abs = path_absolute(path);
	char *slash;

	if (r->path && r->agent.common.ckpt_dir)
		return strdup(r->agent.common.ckpt_dir);
	while (abs && (slash = strrchr(abs, '/')) && slash > abs && !slash[1])
		*slash = '\0';
	if (abs && ckptdir_is_generation(abs) && (slash = strrchr(abs, '/')))
		*slash = '\0';
	return owned_ptr_take(&abs);
}

int restart_command(int argc, char **argv, struct err *err)
{
	struct restart r = { 0 };
	OWNED_PTR char *path = NULL, *dir = NULL;
	struct images images;

	options_parse(&restart_argp, argc, argv, 0, &r);
	path = ckptdir_find(r.path, &r.agent.common, err);
	if (!path)
		return -err->num;
	if (images_open_newest(&images, path, false, err) < 0)
		return -err->num;
	dir = restart_ckpt_dir(&r, path);
	r.agent.agent.name = r.agent.common.name;
	r.agent.agent.ckpt_dir = dir;
	r.agent.agent.outlasts = true;
	r.options.workers = r.agent.agent.workers;
	r.options.env = r.env;
	if (resume_program(&images, &r.agent.agent, &r.options, NULL, NULL, err) < 0)
		images_close(&images);
	return -err->num;
}
