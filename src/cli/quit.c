/* SPDX-License-Identifier: Apache-2.0 */
/* cairn quit: the agent leaves, the program stays. */
#include "cli/command.h"
#include "coord/client.h"
#include "host/json.h"
#include "host/options.h"

#include <stdio.h>

static error_t quit_parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp quit_argp = {
	.parser = quit_parse,
	.doc = "End the agent of a computation and leave the program running.\v`cairn adopt PID` "
	       "makes "
	       "it checkpointable again. Whoever waits for `cairn launch` sees it end with status "
	       "0.",
	.children = options_with_json,
};

int quit_command(int argc, char **argv, struct err *err)
{
	struct options_common common = { 0 };
	OWNED_JSON json_t *result = NULL;
	struct rundir_entry e;

	options_parse(&quit_argp, argc, argv, 0, &common);
	if (rundir_find(&e, common.name, err) < 0)
		return -err->num;
	result = client_command_to(&e, "quit", err);
	if (!result)
		return -err->num;
	rundir_await(e.path); /* the program may be adopted as soon as we have ended */
	if (common.json)
		json_print(result);
	else
		printf("pid %lld runs on\n", (long long)json_get_int(result, "root", 0));
	return COMMAND_OK;
}
