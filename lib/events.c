/* SPDX-License-Identifier: Apache-2.0 */
#include "events.h"

#include "agent.h"
#include "cairn.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct events_hook {
	cairn_hook *call;
	void *data;
};

static struct {
	pthread_mutex_t lock;
	struct events_hook *hooks;
	size_t n;
	int running; /* the thread */
	pthread_mutex_t opening; /* taken after lock; a fork sees the connection, or none */
	int fd; /* the thread's connection; -1: none */
} events = { .lock = PTHREAD_MUTEX_INITIALIZER, .opening = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

static __thread int events_inside;

/* What the thread alone knows. */
struct events_thread {
	struct agent_line *line;
	struct agent_identity agent;
	long long id; /* as the agent calls us */
	int before; /* hooks were told that a checkpoint comes, and not yet how it went */
};

int cairn_events_in_hook(void)
{
	return events_inside;
}

/* Hooks may register hooks, so the lock is not held while one runs. */
static int events_hook_at(size_t i, struct events_hook *hook)
{
	int there;

	pthread_mutex_lock(&events.lock);
	there = i < events.n;
	if (there)
		*hook = events.hooks[i];
	pthread_mutex_unlock(&events.lock);
	return there;
}

static void events_run(enum cairn_event event)
{
	struct events_hook hook;
	size_t n;

	pthread_mutex_lock(&events.lock);
	n = events.n;
	pthread_mutex_unlock(&events.lock);
	events_inside = 1;
	for (size_t i = 0; i < n; i++)
		if (events_hook_at(event == CAIRN_BEFORE_CHECKPOINT ? n - 1 - i : i, &hook))
			hook.call(event, hook.data);
	events_inside = 0;
}

static void events_hang_up(struct events_thread *t)
{
	pthread_mutex_lock(&events.opening);
	cairn_agent_close(t->line);
	t->line = NULL;
	events.fd = -1;
	pthread_mutex_unlock(&events.opening);
}

/* Become a watcher: 1, 0 if there is no agent, -errno. */
static int events_watch(struct events_thread *t)
{
	const char *at;
	int rc;

	pthread_mutex_lock(&events.opening);
	t->line = cairn_agent_open();
	events.fd = t->line ? t->line->fd : -1;
	pthread_mutex_unlock(&events.opening);
	if (!t->line)
		return cairn_agent_not_enabled();
	rc = cairn_agent_send(t->line, "{\"command\":\"watch\",\"pid\":%d}\n", getpid());
	if (rc >= 0)
		rc = cairn_agent_hear(t->line, &at);
	if (rc < 0) {
		events_hang_up(t);
		return rc;
	}
	t->id = cairn_agent_get_number(at, "id", 0);
	cairn_agent_identify(&t->agent, at);
	return 1;
}

static void events_ready(const struct events_thread *t, long long round)
{
	struct agent_line *line = cairn_agent_open();
	const char *at;

	if (line && cairn_agent_send(line, "{\"command\":\"ready\",\"id\":%lld,\"round\":%lld}\n",
				     t->id, round) >= 0)
		cairn_agent_hear(line, &at); /* a restart of this checkpoint hears nothing */
	cairn_agent_close(line);
}

static void events_after(struct events_thread *t, enum cairn_event event)
{
	t->before = 0;
	events_run(event);
}

static void events_heard(struct events_thread *t, const char *at)
{
	long long round = cairn_agent_get_number(at, "round", 0);
	char event[32] = "";

	cairn_agent_get_string(at, "event", event, sizeof(event));
	if (!strcmp(event, "checkpoint")) {
		t->before = 1;
		events_run(CAIRN_BEFORE_CHECKPOINT);
		events_ready(t, round);
	} else if (!strcmp(event, "resumed") && t->before) {
		events_after(t, CAIRN_AFTER_RESUME);
	}
}

/* The connection has broken: this is a restart, or the agent is gone. 0: nobody is there any more. */
static int events_lost(struct events_thread *t)
{
	struct agent_identity old = t->agent;
	int rc;

	events_hang_up(t);
	do
		rc = events_watch(t);
	while (rc == -ECONNRESET); /* each time another restart */
	if (rc > 0 && t->agent.restarted && !cairn_agent_is_same(&old, &t->agent))
		events_after(t, CAIRN_AFTER_RESTART);
	else if (t->before)
		events_after(t, CAIRN_AFTER_RESUME);
	return rc > 0;
}

static void *events_loop(void *arg)
{
	struct events_thread *t = arg;
	const char *at;

	for (;;) {
		if (cairn_agent_hear(t->line, &at) == AGENT_PROGRESS)
			events_heard(t, at);
		else if (!events_lost(t))
			break;
	}
	pthread_mutex_lock(&events.lock);
	events.running = 0;
	pthread_mutex_unlock(&events.lock);
	free(t);
	return NULL;
}

static int events_start_thread(struct events_thread *t)
{
	sigset_t all, old;
	pthread_t thread;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, NULL, events_loop, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc)
		return cairn_agent_say(-rc, "no thread for hooks: %s", strerror(rc));
	pthread_detach(thread);
	return 1;
}

static int events_start(void)
{
	struct events_thread *t = calloc(1, sizeof(*t));
	int rc = t ? events_watch(t) : cairn_agent_say(-ENOMEM, "out of memory");

	if (rc > 0)
		rc = events_start_thread(t);
	if (rc > 0)
		return CAIRN_DONE;
	if (t)
		events_hang_up(t);
	free(t);
	return rc;
}

static void events_fork_begins(void)
{
	pthread_mutex_lock(&events.lock);
	pthread_mutex_lock(&events.opening);
}

static void events_fork_ends(void)
{
	pthread_mutex_unlock(&events.opening);
	pthread_mutex_unlock(&events.lock);
}

/* A child has neither the thread nor hooks; and the agent must not take its copy of the connection for us. */
static void events_forked(void)
{
	if (events.fd >= 0)
		close(events.fd);
	events.fd = -1;
	events.n = 0;
	events.running = 0;
	events_fork_ends();
}

static void events_watch_forks(void)
{
	pthread_atfork(events_fork_begins, events_fork_ends, events_forked);
}

int cairn_on_event(cairn_hook *hook, void *data)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct events_hook *hooks;
	int rc = CAIRN_DONE;

	pthread_once(&once, events_watch_forks);
	pthread_mutex_lock(&events.lock);
	hooks = realloc(events.hooks, (events.n + 1) * sizeof(*hooks));
	if (!hooks)
		rc = cairn_agent_say(-ENOMEM, "out of memory");
	else
		events.hooks = hooks;
	if (rc > 0 && !events.running) {
		rc = events_start();
		events.running = rc > 0;
	}
	if (rc > 0)
		events.hooks[events.n++] = (struct events_hook){ hook, data };
	pthread_mutex_unlock(&events.lock);
	return rc;
}
