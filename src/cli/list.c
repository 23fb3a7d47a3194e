/* SPDX-License-Identifier: Apache-2.0 */
/* cairn list: running computations, and the generations in a checkpoint directory. */
#include "cli/ckptdir.h"
#include "cli/command.h"
#include "base/owned.h"
#include "coord/client.h"
#include "coord/generation.h"
#include "coord/manifest.h"
#include "host/human.h"
#include "host/json.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	struct options_common common;
	const char *dir;
};

static error_t list_parse(int key, char *arg, struct argp_state *state)
{
	struct list *l = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &l->common;
		return 0;
	case ARGP_KEY_ARG:
		if (l->dir)
			argp_error(state, "one directory at a time");
		l->dir = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp list_argp = {
	.parser = list_parse,
	.args_doc = "[DIR]",
	.doc = "List running computations and complete checkpoints.\vCheckpoints are those in DIR "
	       "(or "
	       "-d), else in the directories of running computations and in ./cairn-*.",
	.children = options_with_json,
};

enum { LIST_ANSWER_S = 5 };

static json_t *list_computations(const char *name, struct err *err)
{
	OWNED_JSON json_t *request = json_document();
	json_t *all = json_array(), *status;
	struct rundir_list list;
	struct err ignored;

	if (rundir_list_load(&list, err) < 0) {
		json_decref(all);
		return NULL;
	}
	json_object_set_new(request, "command", json_string("status"));
	for (size_t i = 0; i < list.n; i++) {
		if (name && strcmp(name, list.at[i].name))
			continue;
		status = client_ask(&list.at[i], request, NULL, LIST_ANSWER_S, &ignored);
		if (!status)
			status = json_pack("{ssss}", "name", list.at[i].name, "state", "silent");
		json_array_append_new(all, status);
	}
	rundir_list_done(&list);
	return all;
}

static json_t *list_generation(const char *dir, uint32_t number)
{
	OWNED_PTR char *path = NULL;
	struct err err = ERR_INIT;
	json_t *m;

	if (asprintf(&path, "%s/gen-%06u", dir, number) < 0)
		return NULL;
	m = manifest_load(path, &err);
	if (!m)
		m = json_pack("{siss}", "generation", (int)number, "error", err.msg);
	json_object_del(m, "schema");
	json_object_set_new(m, "path", json_string_nocheck(path));
	return m;
}

static void list_add_dir(json_t *all, const char *dir)
{
	struct generation_list list;
	struct err err;

	if (generation_list_load(&list, dir, &err) < 0)
		return;
	for (size_t i = 0; i < list.n; i++)
		json_array_append_new(all, list_generation(dir, list.numbers[i]));
	generation_list_done(&list);
}

/* Each directory once, though it may be a running computation's and below ours as well. */
static void list_add_once(json_t *all, json_t *seen, const char *dir)
{
	OWNED_PTR char *real = realpath(dir, NULL);

	if (!real || json_object_get(seen, real))
		return;
	json_object_set_new_nocheck(seen, real, json_true());
	list_add_dir(all, real);
}

static json_t *list_checkpoints(const struct list *l, const json_t *computations)
{
	const char *only = l->dir ? l->dir : l->common.ckpt_dir;
	OWNED_JSON json_t *seen = json_object();
	json_t *all = json_array();
	glob_t g;

	if (only) {
		list_add_dir(all, only);
		return all;
	}
	for (size_t i = 0; i < json_array_size(computations); i++)
		list_add_once(all, seen,
			      json_get_string(json_array_get(computations, i), "ckpt_dir", ""));
	if (!glob("cairn-*", GLOB_ONLYDIR, NULL, &g))
		for (size_t i = 0; i < g.gl_pathc; i++)
			if (!l->common.name || !strcmp(g.gl_pathv[i] + 6, l->common.name))
				list_add_once(all, seen, g.gl_pathv[i]);
	globfree(&g);
	return all;
}

static void list_print_computations(const json_t *all)
{
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *c = json_array_get(all, i);

		if (!i)
			printf("%-24s %-14s %8s %10s  %s\n", "COMPUTATION", "STATE", "PID",
			       "PROCESSES", "CHECKPOINTS");
		printf("%-24s %-14s %8lld %10lld  %s\n", json_get_string(c, "name", "?"),
		       json_get_string(c, "state", "?"), (long long)json_get_int(c, "root", 0),
		       (long long)json_get_int(c, "processes", 0),
		       json_get_string(c, "ckpt_dir", "?"));
	}
	if (!json_array_size(all))
		puts("no computation is running");
}

static void list_print_checkpoints(const json_t *all)
{
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *c = json_array_get(all, i);

		if (!i)
			printf("\n%-24s %-24s %10s  %s\n", "CHECKPOINT OF", "TAKEN", "SIZE",
			       "PATH");
		if (json_object_get(c, "error"))
			printf("%s\n", json_get_string(c, "error", "?"));
		else
			printf("%-24s %-24s %10s  %s\n", json_get_string(c, "name", "?"),
			       json_get_string(c, "time_text", "?"),
			       human_size((uint64_t)json_get_int(c, "image_bytes", 0)).s,
			       json_get_string(c, "path", "?"));
	}
}

int list_command(int argc, char **argv, struct err *err)
{
	struct list l = { 0 };
	OWNED_JSON json_t *report = json_document();
	json_t *computations, *checkpoints;

	options_parse(&list_argp, argc, argv, 0, &l);
	computations = list_computations(l.common.name, err);
	if (!computations)
		return -err->num;
	checkpoints = list_checkpoints(&l, computations);
	json_object_set_new(report, "computations", computations);
	json_object_set_new(report, "checkpoints", checkpoints);
	if (l.common.json) {
		json_print(report);
		return COMMAND_OK;
	}
	list_print_computations(computations);
	list_print_checkpoints(checkpoints);
	return COMMAND_OK;
}
