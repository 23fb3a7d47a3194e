/* SPDX-License-Identifier: Apache-2.0 */
/* cairn launch: start a program, and be there when a checkpoint is asked for. */
#include "cli/agent_argp.h"
#include "cli/command.h"
#include "cli/serve.h"
#include "host/path.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LAUNCH_JOIN = 0x200 };

struct launch {
	struct agent_argp agent;
	int first; /* argv[first]: the program */
	bool join;
	char name[PATH_NAME_MAX + 1];
};

static const struct argp_option launch_options[] = {
	{ "join", LAUNCH_JOIN, NULL, 0,
	  "start PROGRAM in a computation that runs already: both become one (default: "
	  "$CAIRN_JOIN)",
	  0 },
	{ 0 },
};

static error_t launch_parse(int key, char *arg, struct argp_state *state)
{
	struct launch *l = state->input;

	(void)arg;
	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &l->agent;
		l->join = options_env_bool("CAIRN_JOIN");
	} else if (key == LAUNCH_JOIN)
		l->join = true;
	else if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "which program?");
	else if (key == ARGP_KEY_ARGS)
		l->first = state->next;
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp launch_argp = {
	.options = launch_options,
	.parser = launch_parse,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Start PROGRAM so that it can be checkpointed.\vIt runs in the foreground as it "
	       "would "
	       "without cairn; its exit status, or death by a signal, is passed on. Nothing is "
	       "added to "
	       "it, and it runs at full speed. 125: cairn failed before the program started; 126, "
	       "127: the program could not be started.",
	.children = agent_argp_children,
};

/* A name for a computation without one: the program's, and our pid to tell it from others. */
static void launch_make_name(char *name, const char *program)
{
	const char *slash = strrchr(program, '/');
	char base[PATH_NAME_MAX - 12], text[PATH_NAME_MAX + 1];

	snprintf(base, sizeof(base), "%s", slash ? slash + 1 : program);
	snprintf(text, sizeof(text), "%s-%d", base, getpid());
	path_make_name(name, PATH_NAME_MAX + 1, text);
}

int launch_command(int argc, char **argv, struct err *err)
{
	struct launch l = { 0 };

	options_parse(&launch_argp, argc, argv, ARGP_IN_ORDER, &l);
	if (l.join && (l.agent.given || l.agent.common.ckpt_dir != options_env("CAIRN_CKPT_DIR")))
		fprintf(stderr,
			"cairn launch: with --join only -n counts: checkpoints are taken as the "
			"computation's own launch says\n");
	if (l.join)
		return join_program(l.agent.common.name, argv + l.first, err);
	launch_make_name(l.name, argv[l.first]);
	l.agent.agent.name = l.agent.common.name ? l.agent.common.name : l.name;
	l.agent.agent.ckpt_dir = l.agent.common.ckpt_dir;
	l.agent.agent.outlasts = true;
	return serve_program(&l.agent.agent, argv + l.first, NULL, NULL, err);
}
