/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of an agent through its control socket: a table of commands. */
#include "base/owned.h"
#include "coord/agent_state.h"
#include "coord/guests.h"
#include "coord/join.h"
#include "coord/members.h"
#include "host/json.h"
#include "host/log.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void request_fail(struct control_client *client, int num, const char *why)
{
	struct err err;

	err_say(&err, num, "%s", why);
	control_fail(client, &err);
}

/* A checkpoint that nobody waits for: it is told that it has begun, or why not. */
static void request_begin(struct agent *a, struct control_client *client, struct round_request *r)
{
	OWNED_JSON json_t *s = json_document();
	unsigned int failed = a->last.failed;

	round_request(a, r);
	if (a->last.failed != failed) {
		request_fail(client, EIO, a->last.error);
		return;
	}
	json_object_set_new(s, "begun", json_boolean(a->round));
	control_done(client, s);
}

static void request_checkpoint(struct agent *a, struct control_client *client, const json_t *q)
{
	int64_t timeout = json_get_ns(q, "timeout_seconds");
	struct round_request *r = calloc(1, sizeof(*r));

	if (!r) {
		request_fail(client, ENOMEM, "out of memory");
		return;
	}
	r->client = json_is_false(json_object_get(q, "wait")) ? NULL : client;
	r->reason = "request";
	r->kill = json_get_bool(q, "kill");
	r->skip = json_get_bool(q, "ignore_uncontrolled");
	if (timeout > 0)
		r->deadline_ns = agent_clock_ns(CLOCK_MONOTONIC) + timeout;
	if (r->client)
		round_request(a, r);
	else
		request_begin(a, client, r);
}

/* How often, from now on. */
static void request_interval(struct agent *a, struct control_client *client, const json_t *q)
{
	int64_t seconds = json_get_int(q, "seconds", -1);
	OWNED_JSON json_t *s = json_document();

	if (seconds < 0 || seconds > UINT_MAX) {
		request_fail(client, EINVAL, "no such interval");
		return;
	}
	agent_set_interval(a, (unsigned int)seconds);
	json_object_set_new(s, "interval_seconds", json_integer(seconds));
	control_done(client, s);
}

/* A variable as it was where this agent was started: by `cairn restart`, newer than the program's. */
static void request_environment(struct agent *a, struct control_client *client, const json_t *q)
{
	const char *name = json_get_string(q, "name", "");
	const char *value = getenv(name);
	OWNED_JSON json_t *s = json_document();
	size_t len = strlen(name);

	for (char *const *e = a->options.env; e && *e; e++)
		if (!strncmp(*e, name, len) && (*e)[len] == '=')
			value = *e + len + 1;
	json_object_set_new(s, "value", value ? json_text(value) : json_null());
	control_done(client, s);
}

static json_t *request_last(const struct agent *a)
{
	json_t *last = json_object();

	json_object_set_new(last, "made", json_integer(a->last.made));
	json_object_set_new(last, "failed", json_integer(a->last.failed));
	if (a->last.number) {
		json_object_set_new(last, "generation", json_integer(a->last.number));
		json_object_set_new(last, "path", json_string_nocheck(a->last.path));
		json_object_set_new(last, "time", json_seconds(a->last.at_ns));
	}
	if (*a->last.error)
		json_object_set_new(last, "error", json_string_nocheck(a->last.error));
	return last;
}

static json_t *request_top(const struct agent *a)
{
	json_t *top = json_array();

	if (!join_is_joined(a, a->root))
		json_array_append_new(top, json_integer(a->root));
	join_add_pids(a, top);
	return top;
}

static void request_status(struct agent *a, struct control_client *client, const json_t *q)
{
	OWNED_JSON json_t *s = json_document();
	const char *state = a->root_ended ? "ended" : a->root_stopped ? "stopped" : "running";
	struct members members;

	(void)q;
	join_members(a, &members);
	json_object_set_new(s, "name", json_string(a->rundir.name));
	json_object_set_new(s, "agent", json_integer(getpid()));
	json_object_set_new(s, "root", json_integer(a->root));
	json_object_set_new(s, "top", request_top(a));
	json_object_set_new(s, "state", json_string(a->round ? "checkpointing" : state));
	json_object_set_new(s, "processes", json_integer((json_int_t)members.n));
	json_object_set_new(s, "joined", json_integer((json_int_t)join_count(a)));
	json_object_set_new(s, "started", json_seconds(a->started_ns));
	json_object_set_new(s, "interval_seconds", json_integer(a->options.interval_s));
	json_object_set_new(s, "keep", json_integer(a->options.keep));
	json_object_set_new(s, "ckpt_dir", json_string_nocheck(a->ckpt_dir));
	if (a->options.restarted_from) {
		json_object_set_new(s, "restarted_from", json_text(a->options.restarted_from));
		json_object_set_new(s, "restarted_generation",
				    json_integer(a->options.restarted_number));
	}
	json_object_set_new(s, "run_dir", json_string_nocheck(a->rundir.path));
	json_object_set_new(s, "checkpoints", request_last(a));
	if (a->options.hooks && a->options.hooks->status)
		a->options.hooks->status(a->options.hooks_data, s);
	members_done(&members);
	control_done(client, s);
}

/* All of the computation, until nothing new appears: a process may fork while we walk. */
size_t agent_kill_all(struct agent *a, int signo)
{
	size_t killed = 0;

	for (int pass = 0; pass < (signo == SIGKILL ? 3 : 1); pass++) {
		struct members members;

		join_members(a, &members);
		for (size_t i = 0; i < members.n; i++)
			if (!kill(members.pids[i], signo) && !pass)
				killed++;
		members_done(&members);
	}
	a->killed |= signo == SIGKILL;
	if (signo == SIGKILL)
		a->root_stopped = 0; /* a stop does not outlive it: nothing to wait for */
	log_info("request", "signal %d sent to %zu processes", signo, killed);
	return killed;
}

static void request_kill(struct agent *a, struct control_client *client, const json_t *q)
{
	int signo = (int)json_get_int(q, "signal", SIGKILL);
	OWNED_JSON json_t *s = json_document();
	size_t killed;

	if (signo < 1 || signo > SIGRTMAX) {
		request_fail(client, EINVAL, "no such signal");
		return;
	}
	killed = agent_kill_all(a, signo);
	json_object_set_new(s, "processes", json_integer((json_int_t)killed));
	control_done(client, s);
}

static void request_quit(struct agent *a, struct control_client *client, const json_t *q)
{
	OWNED_JSON json_t *s = json_document();

	(void)q;
	a->leave = true;
	log_info("request", "leaving, the program stays");
	json_object_set_new(s, "root", json_integer(a->root));
	control_done(client, s);
}

static const struct {
	const char *name;
	void (*handle)(struct agent *a, struct control_client *client, const json_t *request);
} request_table[] = {
	{ "checkpoint", request_checkpoint },
	{ "environment", request_environment },
	{ "hold", guests_hold },
	{ "interval", request_interval },
	{ "status", request_status },
	{ "kill", request_kill },
	{ "quit", request_quit },
	{ "ready", guests_ready },
	{ "watch", guests_watch },
};

static void request_dispatch(void *data, struct control_client *client, const json_t *request)
{
	const char *name = json_get_string(request, "command", "");
	struct agent *a = data;

	log_debug("request", "%s", name);
	if (!a->root) {
		request_fail(client, EAGAIN, "the program has not been started yet");
		return;
	}
	for (size_t i = 0; i < sizeof(request_table) / sizeof(request_table[0]); i++) {
		if (!strcmp(request_table[i].name, name)) {
			request_table[i].handle(a, client, request);
			return;
		}
	}
	request_fail(client, ENOSYS, "the agent does not know this command (another version?)");
}

static void request_gone(void *data, struct control_client *client)
{
	if (!guests_gone(data, client))
		round_client_gone(data, client);
}

const struct control_ops request_ops = { .request = request_dispatch, .gone = request_gone };
