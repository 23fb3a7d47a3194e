/* SPDX-License-Identifier: Apache-2.0 */
/* cairn checkpoint: ask for a checkpoint and wait until it is committed. */
#include "cli/command.h"
#include "coord/client.h"
#include "host/human.h"
#include "host/json.h"
#include "host/options.h"
#include "host/progress.h"

#include <stdio.h>

enum { CHECKPOINT_IGNORE = 0x200 };

struct checkpoint {
	struct options_common common;
	bool kill, no_wait, interval_given, ignore;
	unsigned int timeout_s, interval_s;
};

static const struct argp_option checkpoint_options[] = {
	{ "kill", 'K', NULL, 0,
	  "end the program once the checkpoint is committed; it does not run on "
	  "in between ($CAIRN_KILL)",
	  0 },
	{ "timeout", 't', "SECONDS", 0,
	  "abandon the checkpoint if it is not committed by then ($CAIRN_TIMEOUT)", 0 },
	{ "no-wait", 'W', NULL, 0, "return when the checkpoint has begun ($CAIRN_NO_WAIT)", 0 },
	{ "ignore-uncontrolled", CHECKPOINT_IGNORE, NULL, 0,
	  "this one without processes that cannot be traced, and what is below them: at a restart "
	  "they have been killed ($CAIRN_IGNORE_UNCONTROLLED)",
	  0 },
	{ "interval", 'i', "SECONDS", 0,
	  "no checkpoint now, but one every so often from now on; 0: only when asked", 0 },
	{ 0 },
};

static error_t checkpoint_parse(int key, char *arg, struct argp_state *state)
{
	struct checkpoint *c = state->input;
	const char *timeout = options_env("CAIRN_TIMEOUT");

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &c->common;
		state->name = state->argv[0]; /* argp has not come to it yet */
		c->kill = options_env_bool("CAIRN_KILL");
		c->no_wait = options_env_bool("CAIRN_NO_WAIT");
		c->ignore = options_env_bool("CAIRN_IGNORE_UNCONTROLLED");
		if (timeout)
			c->timeout_s = options_seconds(state, "CAIRN_TIMEOUT", timeout);
		return 0;
	case 'K':
		c->kill = true;
		return 0;
	case 't':
		c->timeout_s = options_seconds(state, "--timeout", arg);
		return 0;
	case 'W':
		c->no_wait = true;
		return 0;
	case CHECKPOINT_IGNORE:
		c->ignore = true;
		return 0;
	case 'i':
		c->interval_given = true;
		c->interval_s = options_seconds(state, "--interval", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp checkpoint_argp = {
	.options = checkpoint_options,
	.parser = checkpoint_parse,
	.doc = "Checkpoint a running computation.\vReturns 0 only when the checkpoint is complete "
	       "on "
	       "disk. If anything fails, the program runs on and earlier checkpoints stay.",
	.children = options_with_json,
};

static void checkpoint_progress(const json_t *p)
{
	progress_show("checkpoint", (uint64_t)json_get_int(p, "done_bytes", 0),
		      (uint64_t)json_get_int(p, "total_bytes", 0));
}

/* Not in the images; on stderr, as the report itself is one line. */
static void checkpoint_warn(const json_t *r)
{
	const json_t *list = json_object_get(r, "uncontrolled");

	for (size_t i = 0; i < json_array_size(list); i++)
		fprintf(stderr, "cairn checkpoint: left out: %s\n",
			json_get_string(json_array_get(list, i), "why", "?"));
}

static void checkpoint_print(const json_t *r)
{
	int64_t n = json_get_int(r, "processes", 0);

	checkpoint_warn(r);
	printf("%lld process%s, %s, %s, pause %s, %s\n", (long long)n, n == 1 ? "" : "es",
	       human_size((uint64_t)json_get_int(r, "image_bytes", 0)).s,
	       human_time(json_get_ns(r, "seconds")).s,
	       human_time(json_get_ns(r, "pause_seconds")).s, json_get_string(r, "path", "?"));
}

static json_t *checkpoint_request(const struct checkpoint *c)
{
	json_t *request = json_document();

	json_object_set_new(request, "command",
			    json_string(c->interval_given ? "interval" : "checkpoint"));
	json_object_set_new(request, "seconds", json_integer(c->interval_s));
	json_object_set_new(request, "kill", json_boolean(c->kill));
	json_object_set_new(request, "wait", json_boolean(!c->no_wait));
	json_object_set_new(request, "ignore_uncontrolled", json_boolean(c->ignore));
	json_object_set_new(request, "timeout_seconds", json_integer(c->timeout_s));
	return request;
}

int checkpoint_command(int argc, char **argv, struct err *err)
{
	struct checkpoint c = { 0 };
	OWNED_JSON json_t *request = NULL;
	OWNED_JSON json_t *result = NULL;
	struct rundir_entry e;

	options_parse(&checkpoint_argp, argc, argv, 0, &c);
	if (rundir_find(&e, c.common.name, err) < 0)
		return -err->num;
	request = checkpoint_request(&c);
	/* The agent keeps the time; what is added here is only for an agent that is stuck itself. */
	result = client_ask(&e, request, checkpoint_progress, c.timeout_s ? c.timeout_s + 15 : 0,
			    err);
	progress_clear();
	if (!result && c.interval_given)
		return err_add(err, "interval of '%s'", e.name);
	if (!result)
		return err_add(err, "no checkpoint of '%s'", e.name);
	/* Whoever asks for this name next does not mean the one that ends. */
	if (c.kill && !c.no_wait && !c.interval_given)
		rundir_await(e.path);
	if (c.common.json)
		json_print(result);
	else if (!c.no_wait && !c.interval_given)
		checkpoint_print(result);
	return COMMAND_OK;
}
