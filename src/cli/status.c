/* SPDX-License-Identifier: Apache-2.0 */
/* cairn status: what a computation is doing. */
#include "cli/command.h"
#include "coord/client.h"
#include "host/human.h"
#include "host/json.h"
#include "host/options.h"

#include <stdio.h>
#include <time.h>

static error_t status_parse(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = state->input;
	return 0;
}

static const struct argp status_argp = {
	.parser = status_parse,
	.doc = "Show what a running computation is doing.",
	.children = options_with_json,
};

static struct human_text status_ago(const json_t *object, const char *key)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return human_time(now.tv_sec * 1000000000 + now.tv_nsec - json_get_ns(object, key));
}

static void status_print(const json_t *s)
{
	const json_t *c = json_object_get(s, "checkpoints");
	int64_t interval = json_get_int(s, "interval_seconds", 0);
	int64_t n = json_get_int(s, "processes", 0);

	printf("%s: %s, %lld process%s, pid %lld, agent %lld, for %s\n",
	       json_get_string(s, "name", "?"), json_get_string(s, "state", "?"), (long long)n,
	       n == 1 ? "" : "es", (long long)json_get_int(s, "root", 0),
	       (long long)json_get_int(s, "agent", 0), status_ago(s, "started").s);
	printf("checkpoints: %lld made, %lld failed", (long long)json_get_int(c, "made", 0),
	       (long long)json_get_int(c, "failed", 0));
	if (interval)
		printf(", every %s", human_time(interval * 1000000000).s);
	printf(", in %s\n", json_get_string(s, "ckpt_dir", "?"));
	if (json_object_get(c, "generation"))
		printf("newest: %s, %s ago\n", json_get_string(c, "path", "?"),
		       status_ago(c, "time").s);
	if (json_object_get(c, "error"))
		printf("last failure: %s\n", json_get_string(c, "error", "?"));
}

int status_command(int argc, char **argv, struct err *err)
{
	struct options_common common = { 0 };
	OWNED_JSON json_t *s = NULL;

	options_parse(&status_argp, argc, argv, 0, &common);
	s = client_command(common.name, "status", err);
	if (!s)
		return -err->num;
	if (common.json)
		json_print(s);
	else
		status_print(s);
	return COMMAND_OK;
}
