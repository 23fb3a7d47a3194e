/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn adopt: an agent for a program that runs already, whoever started it.
 *
 * The agent is no ancestor then, so the kernel must let us trace the program all the same: same user, and
 * no security module that wants ancestry. Tried by parking it once.
 */
#include "base/owned.h"
#include "base/text.h"
#include "cli/agent_argp.h"
#include "cli/command.h"
#include "cli/serve.h"
#include "coord/client.h"
#include "host/json.h"
#include "host/path.h"
#include "host/proc.h"
#include "trace/park.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct adopt {
	struct agent_argp agent;
	pid_t pid;
	bool foreground;
	char name[PATH_NAME_MAX + 1];
};

static const struct argp_option adopt_options[] = {
	{ "foreground", 'f', NULL, 0,
	  "stay until the program ends, instead of returning when it can be "
	  "checkpointed ($CAIRN_FOREGROUND)",
	  0 },
	{ 0 },
};

static error_t adopt_parse(int key, char *arg, struct argp_state *state)
{
	struct adopt *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->agent;
		a->foreground = options_env_bool("CAIRN_FOREGROUND");
		return 0;
	case 'f':
		a->foreground = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->pid)
			argp_error(state, "one process at a time");
		a->pid = (pid_t)options_number(state, "PID", arg, INT32_MAX);
		return 0;
	case ARGP_KEY_END:
		if (!a->pid)
			argp_error(state, "which process?");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp adopt_argp = {
	.options = adopt_options,
	.parser = adopt_parse,
	.args_doc = "PID",
	.doc = "Make a running program checkpointable, with all processes below it.\vReturns when "
	       "that is "
	       "so; the agent stays in the background until the program ends.",
	.children = agent_argp_children,
};

static int adopt_check_process(const struct adopt *a, struct err *err)
{
	if (!proc_state(a->pid))
		return err_set(err, ESRCH, "process %d", a->pid);
	if (!proc_lives(a->pid))
		return err_say(err, ESRCH, "process %d has ended already", a->pid);
	if (proc_status_number(a->pid, "Tgid", 10, 0) != (uint64_t)a->pid)
		return err_say(err, EINVAL, "%d is a thread: give its process, %d", a->pid,
			       (int)proc_status_number(a->pid, "Tgid", 10, 0));
	if (a->pid == getpid() || a->pid == 1)
		return err_say(err, EINVAL, "process %d cannot be adopted", a->pid);
	return 0;
}

/* Does a living agent have it already? */
static int adopt_check_free(const struct adopt *a, struct err *err)
{
	OWNED_JSON json_t *request = json_document();
	struct rundir_list list;
	struct err ignored;
	int rc = 0;

	if (rundir_list_load(&list, err) < 0)
		return -err->num;
	json_object_set_new(request, "command", json_string("status"));
	for (size_t i = 0; rc >= 0 && i < list.n; i++) {
		OWNED_JSON json_t *s = client_ask(&list.at[i], request, NULL, 5, &ignored);

		if (s && json_get_int(s, "root", 0) == a->pid)
			rc = err_say(err, EBUSY, "process %d is computation '%s' already", a->pid,
				     list.at[i].name);
	}
	rundir_list_done(&list);
	return rc;
}

/* The kernel's answer to whether we may: park it and let it go. */
static int adopt_check_trace(const struct adopt *a, struct err *err)
{
	struct park_options o = { .with_children = true, .skip = a->agent.agent.skip_uncontrolled };
	struct park park = { 0 };

	if (park_begin(&park, a->pid, &o, NULL, err) < 0)
		return err_add(err, "cannot adopt process %d", a->pid);
	for (size_t i = 0; i < park.nskipped; i++)
		fprintf(stderr, "cairn adopt: checkpoints will leave out: %s\n",
			park.skipped[i].why);
	park_end(&park);
	return 0;
}

static void adopt_make_name(struct adopt *a)
{
	char comm[32] = "program", text[48];

	proc_status_text(a->pid, "Name", comm, sizeof(comm));
	text_format(text, sizeof(text), "%s-%d", comm, a->pid);
	path_make_name(a->name, sizeof(a->name), text);
}

static int adopt_serve(const struct adopt *a, int ready, struct err *err)
{
	struct agent *agent;

	if (agent_open(&agent, &a->agent.agent, err) < 0)
		return -err->num;
	if (agent_take(agent, a->pid, false, err) < 0) {
		agent_close(agent);
		return -err->num;
	}
	if (ready >= 0) {
		if (write(ready, &(struct err){ .num = 0 }, sizeof(struct err)) < 0)
			_exit(COMMAND_FAILED);
		close(ready);
	} else {
		printf("process %d is computation '%s'\n", a->pid, a->agent.agent.name);
		fflush(stdout);
	}
	serve_to_end(agent, NULL, NULL);
}

/* The background half: nobody's child, in a session of its own, with no streams. */
static void __attribute__((noreturn)) adopt_background(const struct adopt *a, int ready)
{
	struct err err = ERR_INIT;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	setsid();
	if (fork())
		_exit(COMMAND_OK);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	adopt_serve(a, ready, &err);
	if (write(ready, &err, sizeof(err)) < 0)
		_exit(COMMAND_FAILED);
	_exit(COMMAND_OK);
}

static int adopt_detach(const struct adopt *a, struct err *err)
{
	int ready[2];
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return err_set(err, errno, "pipe");
	pid = fork();
	if (pid == 0)
		adopt_background(a, ready[1]);
	close(ready[1]);
	if (pid < 0 || read(ready[0], err, sizeof(*err)) != sizeof(*err))
		err_say(err, ECHILD, "the agent could not be started");
	close(ready[0]);
	if (err->num)
		return -err->num;
	printf("process %d is computation '%s'\n", a->pid, a->agent.agent.name);
	return COMMAND_OK;
}

int adopt_command(int argc, char **argv, struct err *err)
{
	struct adopt a = { 0 };
	OWNED_PTR char *dir = NULL;

	options_parse(&adopt_argp, argc, argv, 0, &a);
	if (adopt_check_process(&a, err) < 0 || adopt_check_free(&a, err) < 0 ||
	    adopt_check_trace(&a, err) < 0)
		return -err->num;
	adopt_make_name(&a);
	a.agent.agent.name = a.agent.common.name ? a.agent.common.name : a.name;
	if (a.agent.common.ckpt_dir)
		dir = path_absolute(a.agent.common.ckpt_dir);
	a.agent.agent.ckpt_dir = dir;
	return a.foreground ? adopt_serve(&a, -1, err) : adopt_detach(&a, err);
}
