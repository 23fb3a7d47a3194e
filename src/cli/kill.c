/* SPDX-License-Identifier: Apache-2.0 */
/* cairn kill: end a computation, or send all its processes a signal. */
#include "cli/command.h"
#include "base/text.h"
#include "coord/client.h"
#include "host/json.h"
#include "host/options.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct kill_options {
	struct options_common common;
	int signo;
};

static const struct argp_option kill_argp_options[] = {
	{ "signal", 's', "SIGNAL", 0, "send this signal, by name or number (default: KILL)", 0 },
	{ 0 },
};

static int kill_signal(const struct argp_state *state, const char *text)
{
	uint64_t number;

	if (text_number(text, &number) && number > 0 && number <= (uint64_t)SIGRTMAX)
		return (int)number;
	for (int s = 1; s < SIGRTMIN; s++) {
		const char *name = sigabbrev_np(s);

		if (name &&
		    (!strcmp(text, name) || (text_starts(text, "SIG") && !strcmp(text + 3, name))))
			return s;
	}
	argp_error(state, "no signal '%s'", text);
	return SIGKILL;
}

static error_t kill_parse(int key, char *arg, struct argp_state *state)
{
	struct kill_options *k = state->input;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = &k->common;
	else if (key == 's')
		k->signo = kill_signal(state, arg);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp kill_argp = {
	.options = kill_argp_options,
	.parser = kill_parse,
	.doc = "End all processes of a computation.\vIts checkpoints stay.",
	.children = options_with_json,
};

int kill_command(int argc, char **argv, struct err *err)
{
	struct kill_options k = { .signo = SIGKILL };
	OWNED_JSON json_t *request = json_document();
	OWNED_JSON json_t *result = NULL;
	struct rundir_entry e;

	options_parse(&kill_argp, argc, argv, 0, &k);
	if (rundir_find(&e, k.common.name, err) < 0)
		return -err->num;
	json_object_set_new(request, "command", json_string("kill"));
	json_object_set_new(request, "signal", json_integer(k.signo));
	result = client_ask(&e, request, NULL, 0, err);
	if (!result)
		return err_add(err, "kill '%s'", e.name);
	if (k.signo == SIGKILL)
		rundir_await(e.path); /* the name and the ids are free when we end */
	if (k.common.json)
		json_print(result);
	return COMMAND_OK;
}
