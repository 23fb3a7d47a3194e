/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/agent_argp.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/path.h"

#include <stdlib.h>
#include <string.h>

enum {
	AGENT_RESTART_SCRIPT = 0x100,
	AGENT_RESTART_COMMAND,
	AGENT_RESTART_FILES,
	AGENT_NET_OUTSIDE,
	AGENT_FILE,
	AGENT_IGNORE
};
enum { AGENT_KEEP = 2, AGENT_KEEP_MAX = 1000000, AGENT_WORKERS_MAX = 1024, AGENT_LEVEL_MAX = 19 };

static const struct argp_option agent_argp_options[] = {
	{ "interval", 'i', "SECONDS", 0,
	  "checkpoint every so often; also 90s, 10m, 2h; run: auto (default: $CAIRN_INTERVAL, else "
	  "never)",
	  0 },
	{ "keep", 'k', "N", 0,
	  "keep the newest N checkpoints, 0: all (default: $CAIRN_KEEP, else 2)", 0 },
	{ "compress", 'c', "none|zstd[:N]", 0,
	  "how images are compressed (default: $CAIRN_COMPRESS, else zstd:1)", 0 },
	{ "workers", 'j', "N", 0,
	  "threads that write images (default: $CAIRN_WORKERS, else one a core)", 0 },
	{ "net-outside", AGENT_NET_OUTSIDE, "refuse|close", 0,
	  "TCP connections with outside: no checkpoint while there are any, or reset at a restart "
	  "(default: $CAIRN_NET_OUTSIDE, else refuse)",
	  0 },
	{ "ignore-uncontrolled", AGENT_IGNORE, NULL, 0,
	  "checkpoint without processes that cannot be traced, and what is below them: at a "
	  "restart "
	  "they have been killed ($CAIRN_IGNORE_UNCONTROLLED)",
	  0 },
	{ "file", AGENT_FILE, "PATTERN=keep|rollback|save", 0,
	  "what a restart does with such files: nothing, cut them back to the size they had, or "
	  "give them "
	  "back what was in them; may be repeated, the last that fits counts (also: $CAIRN_FILE, "
	  "with : between several)",
	  0 },
	{ "restart-script", AGENT_RESTART_SCRIPT, "FILE", 0,
	  "with each checkpoint, write FILE: a script that restarts from the newest one", 0 },
	{ "restart-command", AGENT_RESTART_COMMAND, "COMMAND", OPTION_HIDDEN, NULL, 0 },
	{ "restart-files", AGENT_RESTART_FILES, NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static void agent_argp_codec(struct agent_options *o, const char *text,
			     const struct argp_state *state)
{
	uint64_t level = 0;

	if (!strcmp(text, "none")) {
		o->codec = IMG_CODEC_NONE;
		return;
	}
	o->codec = IMG_CODEC_ZSTD;
	if (strcmp(text, "zstd") &&
	    (!text_starts(text, "zstd:") || !text_number(text + 5, &level) || level < 1 ||
	     level > AGENT_LEVEL_MAX))
		argp_error(state, "--compress wants none, zstd or zstd:1 to zstd:%d, not '%s'",
			   AGENT_LEVEL_MAX, text);
	o->level = (int)level;
}

static void agent_argp_interval(struct agent_argp *a, const char *arg,
				const struct argp_state *state)
{
	a->interval_auto = !strcmp(arg, "auto");
	a->agent.interval_s = 0;
	if (!a->interval_auto)
		a->agent.interval_s = options_seconds(state, "--interval", arg);
	else if (!a->may_auto)
		argp_error(state,
			   "--interval auto is for cairn run, which knows how often it fails");
}

static void agent_argp_file(struct agent_options *o, const char *text,
			    const struct argp_state *state)
{
	struct err err = ERR_INIT;

	if (res_policies_add(&o->policies, text, &err) < 0)
		argp_error(state, "--file: %s", err.msg);
}

/* $CAIRN_FILE: what --file would be told, several with colons between them. */
static void agent_argp_files(struct agent_options *o, const struct argp_state *state)
{
	const char *v = options_env("CAIRN_FILE");
	OWNED_PTR char *list = v ? strdup(v) : NULL;
	char *rest = NULL;

	for (char *one = list ? strtok_r(list, ":", &rest) : NULL; one;
	     one = strtok_r(NULL, ":", &rest))
		agent_argp_file(o, one, state);
}

static bool agent_argp_set(struct agent_argp *a, int key, const char *arg,
			   const struct argp_state *state)
{
	struct agent_options *o = &a->agent;

	switch (key) {
	case 'i':
		agent_argp_interval(a, arg, state);
		return true;
	case 'k':
		o->keep = options_number(state, "--keep", arg, AGENT_KEEP_MAX);
		return true;
	case 'c':
		agent_argp_codec(o, arg, state);
		return true;
	case 'j':
		o->workers = (int)options_number(state, "--workers", arg, AGENT_WORKERS_MAX);
		return true;
	case AGENT_NET_OUTSIDE:
		o->outside_given = true;
		o->close_outside = !strcmp(arg, "close");
		if (!o->close_outside && strcmp(arg, "refuse"))
			argp_error(state, "--net-outside wants refuse or close, not '%s'", arg);
		return true;
	case AGENT_IGNORE:
		o->skip_given = o->skip_uncontrolled = true;
		return true;
	case AGENT_FILE:
		agent_argp_file(o, arg, state);
		return true;
	case AGENT_RESTART_SCRIPT:
		o->restart_script = path_absolute(arg); /* for as long as the agent lives */
		return true;
	case AGENT_RESTART_COMMAND:
		o->restart_command = arg;
		return true;
	case AGENT_RESTART_FILES:
		o->restart_files = true;
		return true;
	default:
		return false;
	}
}

static void agent_argp_init(struct agent_argp *a, const struct argp_state *state)
{
	static const struct {
		int key;
		const char *variable;
	} environment[] = { { 'i', "CAIRN_INTERVAL" },
			    { 'k', "CAIRN_KEEP" },
			    { 'c', "CAIRN_COMPRESS" },
			    { 'j', "CAIRN_WORKERS" },
			    { AGENT_NET_OUTSIDE, "CAIRN_NET_OUTSIDE" } };

	a->agent = (struct agent_options){ .keep = AGENT_KEEP,
					   .codec = IMG_CODEC_ZSTD,
					   .front_fd = -1 };
	a->agent.skip_given = options_env("CAIRN_IGNORE_UNCONTROLLED");
	a->agent.skip_uncontrolled = options_env_bool("CAIRN_IGNORE_UNCONTROLLED");
	for (size_t i = 0; i < sizeof(environment) / sizeof(environment[0]); i++) {
		const char *v = options_env(environment[i].variable);

		if (v)
			agent_argp_set(a, environment[i].key, v, state);
	}
	agent_argp_files(&a->agent, state);
}

static error_t agent_argp_parse(int key, char *arg, struct argp_state *state)
{
	struct agent_argp *a = state->input;

	if (key == ARGP_KEY_INIT) {
		state->child_inputs[0] = &a->common;
		state->name = state->argv[0]; /* argp has not come to it yet */
		agent_argp_init(a, state);
		return 0;
	}
	if (!agent_argp_set(a, key, arg, state))
		return ARGP_ERR_UNKNOWN;
	a->given = true;
	return 0;
}

static const struct argp agent_argp_parser = { .options = agent_argp_options,
					       .parser = agent_argp_parse,
					       .children = options_with_name };
const struct argp_child agent_argp_children[] = { { &agent_argp_parser, 0, NULL, 0 }, { 0 } };
