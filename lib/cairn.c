/* SPDX-License-Identifier: Apache-2.0 */
#include "cairn.h"

#include "agent.h"
#include "dmtcp.h"
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CAIRN_TRIES = 8
}; /* each is the restart of a checkpoint that fell between two system calls */

/* Sections that must not be checkpointed: an open connection to the agent stands for all of the process. */
static struct {
	pthread_mutex_t lock;
	unsigned int depth;
	struct agent_line *line; /* NULL: not held, as there is no agent */
} cairn_hold = { .lock = PTHREAD_MUTEX_INITIALIZER };

int cairn_enabled(void)
{
	struct agent_line *line = cairn_agent_open();

	cairn_agent_close(line);
	return line ? 1 : cairn_agent_not_enabled();
}

/* One request with a plain answer, for @at of @line. 1; 0 if there is no agent. */
static int cairn_ask(struct agent_line **line, const char **at, const char *request)
{
	int rc;

	*line = cairn_agent_open();
	if (!*line)
		return cairn_agent_not_enabled();
	rc = cairn_agent_send(*line, "%s\n", request);
	while (rc >= 0 && (rc = cairn_agent_hear(*line, at)) == AGENT_PROGRESS)
		;
	if (rc < 0) {
		cairn_agent_close(*line);
		*line = NULL;
	}
	return rc < 0 ? rc : 1;
}

/* For what may be asked twice: the connection breaks in a restart of a checkpoint that fell into it. */
static int cairn_ask_again(struct agent_line **line, const char **at, const char *request)
{
	int rc = -ECONNRESET;

	for (int i = 0; rc == -ECONNRESET && i < CAIRN_TRIES; i++)
		rc = cairn_ask(line, at, request);
	return rc;
}

static int cairn_identify(struct agent_identity *id)
{
	struct agent_line *line;
	const char *at;
	int rc = cairn_ask_again(&line, &at, "{\"command\":\"status\"}");

	if (rc > 0)
		cairn_agent_identify(id, at);
	cairn_agent_close(line);
	return rc;
}

/*
 * The connection has broken while we waited for a checkpoint. It breaks in each restart of that checkpoint,
 * as the agent is another one there; else the agent has died.
 */
static int cairn_broken(const struct agent_identity *before)
{
	struct agent_identity now;

	if (cairn_identify(&now) > 0 && now.restarted && !cairn_agent_is_same(before, &now))
		return CAIRN_RESTARTED;
	return cairn_agent_say(-ECONNRESET,
			       "the agent has ended before the checkpoint was complete");
}

static int cairn_request(unsigned int seconds, int wait)
{
	struct agent_identity before;
	struct agent_line *line;
	char request[128];
	const char *at;
	int rc = cairn_identify(&before);

	if (rc <= 0)
		return rc;
	snprintf(request, sizeof(request),
		 "{\"command\":\"checkpoint\",\"wait\":%s,\"timeout_seconds\":%u}",
		 wait ? "true" : "false", seconds);
	rc = cairn_ask(&line, &at, request);
	cairn_agent_close(line);
	return rc == -ECONNRESET ? cairn_broken(&before) : rc;
}

static int cairn_may_wait(void)
{
	unsigned int depth;

	pthread_mutex_lock(&cairn_hold.lock);
	depth = cairn_hold.depth;
	pthread_mutex_unlock(&cairn_hold.lock);
	if (depth)
		return cairn_agent_say(
			-EDEADLK, "cairn_checkpoint() between cairn_disable() and cairn_enable()");
	if (cairn_events_in_hook())
		return cairn_agent_say(-EDEADLK, "cairn_checkpoint() in a hook");
	return 0;
}

int cairn_checkpoint_within(unsigned int seconds)
{
	int rc = cairn_may_wait();

	return rc < 0 ? rc : cairn_request(seconds, 1);
}

int cairn_checkpoint(void)
{
	return cairn_checkpoint_within(0);
}

int cairn_checkpoint_begin(void)
{
	return cairn_request(0, 0);
}

/* In a forked child: the connection is the parent's. */
static void cairn_forked(void)
{
	cairn_agent_close(cairn_hold.line);
	cairn_hold.line = NULL;
	cairn_hold.depth = 0;
	pthread_mutex_unlock(&cairn_hold.lock);
}

static void cairn_fork_begins(void)
{
	pthread_mutex_lock(&cairn_hold.lock);
}

static void cairn_fork_ends(void)
{
	pthread_mutex_unlock(&cairn_hold.lock);
}

static void cairn_watch_forks(void)
{
	pthread_atfork(cairn_fork_begins, cairn_fork_ends, cairn_forked);
}

static int cairn_take_hold(void)
{
	const char *at;
	int rc = -ECONNRESET;

	for (int i = 0; rc == -ECONNRESET && i < CAIRN_TRIES; i++) {
		struct agent_line *line = cairn_agent_open();

		if (!line)
			return cairn_agent_not_enabled();
		rc = cairn_agent_send(line, "{\"command\":\"hold\",\"pid\":%d}\n", getpid());
		if (rc >= 0)
			rc = cairn_agent_hear(line, &at);
		if (rc > 0)
			cairn_hold.line = line;
		else
			cairn_agent_close(line);
	}
	return rc > 0 ? CAIRN_DONE : rc;
}

int cairn_disable(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int rc = CAIRN_DONE;

	pthread_once(&once, cairn_watch_forks);
	pthread_mutex_lock(&cairn_hold.lock);
	if (!cairn_hold.depth)
		rc = cairn_take_hold();
	else if (!cairn_hold.line)
		rc = cairn_agent_not_enabled();
	if (rc >= 0)
		cairn_hold.depth++;
	pthread_mutex_unlock(&cairn_hold.lock);
	return rc;
}

int cairn_enable(void)
{
	int rc;

	pthread_mutex_lock(&cairn_hold.lock);
	rc = cairn_hold.line ? CAIRN_DONE : cairn_agent_not_enabled();
	if (!cairn_hold.depth)
		rc = cairn_agent_say(-EPERM, "cairn_enable() without cairn_disable()");
	else if (!--cairn_hold.depth) {
		cairn_agent_close(cairn_hold.line);
		cairn_hold.line = NULL;
	}
	pthread_mutex_unlock(&cairn_hold.lock);
	return rc;
}

int cairn_restart_env(const char *name, char *value, size_t size)
{
	struct agent_line *line;
	char request[512];
	const char *at;
	int rc;

	if (!*name || strpbrk(name, "=\"\\") || strlen(name) > 400)
		return cairn_agent_say(-EINVAL, "'%.40s' is no name of a variable", name);
	snprintf(request, sizeof(request), "{\"command\":\"environment\",\"name\":\"%s\"}", name);
	rc = cairn_ask_again(&line, &at, request);
	if (rc <= 0)
		return rc;
	rc = cairn_agent_get_string(at, "value", value, size);
	cairn_agent_close(line);
	if (rc == -ENOSPC)
		return cairn_agent_say(rc, "the value of %s is longer than %zu bytes", name, size);
	return rc ? CAIRN_DONE : cairn_agent_say(-ENOENT, "%s is not set", name);
}

int cairn_update_env(const char *name)
{
	char *value = malloc(AGENT_LINE_MAX);
	int rc;

	if (!value)
		return cairn_agent_say(-ENOMEM, "out of memory");
	rc = cairn_restart_env(name, value, AGENT_LINE_MAX);
	if (rc > 0 && setenv(name, value, 1))
		rc = cairn_agent_say(-errno, "set %s: %s", name, strerror(errno));
	if (rc == -ENOENT)
		rc = unsetenv(name) ? -errno : CAIRN_DONE;
	free(value);
	return rc;
}

/* DMTCP's names; what agrees in its values. */
int dmtcp_is_enabled(void) __attribute__((weak, alias("cairn_enabled")));

static int dmtcp_result(int rc)
{
	return rc == CAIRN_NOT_ENABLED ? DMTCP_NOT_PRESENT : rc;
}

int __attribute__((weak)) dmtcp_checkpoint(void)
{
	return dmtcp_result(cairn_checkpoint());
}

int __attribute__((weak)) dmtcp_disable_ckpt(void)
{
	return dmtcp_result(cairn_disable());
}

int __attribute__((weak)) dmtcp_enable_ckpt(void)
{
	return dmtcp_result(cairn_enable());
}

int __attribute__((weak)) dmtcp_get_ckpt_signal(void)
{
	return 0;
}

int __attribute__((weak)) dmtcp_get_restart_env(const char *name, char *value, size_t size)
{
	return cairn_restart_env(name, value, size) > 0 ? 0 : -1;
}

int __attribute__((weak)) dmtcp_get_coordinator_status(int *processes, int *running)
{
	struct agent_line *line;
	const char *at;
	char state[32] = "";

	if (cairn_ask_again(&line, &at, "{\"command\":\"status\"}") <= 0)
		return DMTCP_NOT_PRESENT;
	cairn_agent_get_string(at, "state", state, sizeof(state));
	if (processes)
		*processes = (int)cairn_agent_get_number(at, "processes", 0);
	if (running)
		*running = !strcmp(state, "running");
	cairn_agent_close(line);
	return DMTCP_IS_PRESENT;
}

/* Of the newest checkpoint: one of this agent's, or the one that it has restarted. */
static uint32_t dmtcp_generation(const char *at)
{
	long long first = cairn_agent_get_number(at, "restarted_generation", 0);

	return (uint32_t)cairn_agent_get_number(at, "generation", first);
}

uint32_t __attribute__((weak)) dmtcp_get_generation(void)
{
	struct agent_line *line;
	uint32_t generation = 0;
	const char *at;

	if (cairn_ask_again(&line, &at, "{\"command\":\"status\"}") > 0)
		generation = dmtcp_generation(at);
	cairn_agent_close(line);
	return generation;
}

/* Restarts are counted here, by the agents that were met: an agent knows of the last one only. */
int __attribute__((weak)) dmtcp_get_local_status(int *checkpoints, int *restarts)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct agent_identity last;
	static int count;
	struct agent_identity now;
	struct agent_line *line;
	const char *at;

	pthread_mutex_lock(&lock);
	if (cairn_ask_again(&line, &at, "{\"command\":\"status\"}") <= 0) {
		pthread_mutex_unlock(&lock);
		return DMTCP_NOT_PRESENT;
	}
	cairn_agent_identify(&now, at);
	if (now.restarted && !cairn_agent_is_same(&last, &now))
		count++;
	last = now;
	if (checkpoints)
		*checkpoints = (int)dmtcp_generation(at);
	if (restarts)
		*restarts = count;
	pthread_mutex_unlock(&lock);
	cairn_agent_close(line);
	return DMTCP_IS_PRESENT;
}
