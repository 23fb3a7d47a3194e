/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/guests.h"
#include "base/owned.h"
#include "host/json.h"
#include "host/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GUESTS_HOOK_MS =
		60000, /* for what a program does before a checkpoint, unless the request says less */
};

struct guest {
	struct guest *next;
	struct control_client *client;
	bool watches; /* else it holds */
	bool asked, ready; /* a watcher, before the checkpoint that is waiting or being made */
	int64_t id;
	int pid;
};

static struct guest *guests_add(struct agent *a, struct control_client *client, const json_t *q)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct err err;

	if (g && control_keep(client) >= 0) {
		g->client = client;
		g->id = ++a->guest_ids;
		g->pid = (int)json_get_int(q, "pid", 0);
		g->next = a->guests;
		a->guests = g;
		return g;
	}
	free(g);
	err_say(&err, EBUSY, "too many connections of programs to their agent");
	control_fail(client, &err);
	return NULL;
}

static void guests_tell(const struct agent *a, const struct guest *g, const char *event,
			json_t *more)
{
	OWNED_JSON json_t *j = more ? more : json_object();

	json_object_set_new(j, "round", json_integer(a->guest_rounds));
	json_object_set_new(j, "event", json_string(event));
	json_object_set_new(j, "id", json_integer(g->id));
	control_progress(g->client, j);
}

void guests_hold(struct agent *a, struct control_client *client, const json_t *q)
{
	struct guest *g = guests_add(a, client, q);

	if (!g)
		return;
	log_debug("guests", "pid %d holds", g->pid);
	guests_tell(a, g, "held", NULL);
}

void guests_watch(struct agent *a, struct control_client *client, const json_t *q)
{
	struct guest *g = guests_add(a, client, q);
	json_t *about = json_object();

	if (!g) {
		json_decref(about);
		return;
	}
	g->watches = true;
	json_object_set_new(about, "agent", json_integer(getpid()));
	json_object_set_new(about, "started", json_seconds(a->started_ns));
	if (a->options.restarted_from)
		json_object_set_new(about, "restarted_from", json_text(a->options.restarted_from));
	guests_tell(a, g, "watching", about);
}

void guests_ready(struct agent *a, struct control_client *client, const json_t *q)
{
	OWNED_JSON json_t *done = json_document();
	int64_t id = json_get_int(q, "id", 0), round = json_get_int(q, "round", 0);

	for (struct guest *g = a->guests; g; g = g->next)
		if (g->watches && g->id == id && round == a->guest_rounds)
			g->ready = true;
	control_done(client, done);
	round_next(a);
}

bool guests_gone(struct agent *a, const struct control_client *client)
{
	for (struct guest **p = &a->guests; *p; p = &(*p)->next) {
		struct guest *g = *p;

		if (g->client != client)
			continue;
		*p = g->next;
		free(g);
		round_next(a);
		return true;
	}
	return false;
}

/* Who is in the way, or NULL. */
static const struct guest *guests_in_the_way(const struct agent *a, bool holds)
{
	for (const struct guest *g = a->guests; g; g = g->next)
		if (holds ? !g->watches : g->watches && g->asked && !g->ready)
			return g;
	return NULL;
}

static void guests_ask(struct agent *a)
{
	if (a->guests_asked_ns)
		return;
	a->guests_asked_ns = agent_clock_ns(CLOCK_MONOTONIC);
	a->guest_rounds++;
	for (struct guest *g = a->guests; g; g = g->next) {
		if (!g->watches)
			continue;
		g->asked = true;
		g->ready = false;
		guests_tell(a, g, "checkpoint", NULL);
	}
}

static void guests_on_timer(uv_timer_t *timer);

/* Refuse the requests that cannot wait any longer, and come back when the next one cannot. */
static void guests_look(struct agent *a)
{
	const struct guest *holder = guests_in_the_way(a, true);
	const struct guest *slow = guests_in_the_way(a, false);
	int64_t now = agent_clock_ns(CLOCK_MONOTONIC), until, next = 0;
	struct err err = ERR_INIT;

	if (holder)
		err_say(&err, EBUSY,
			"process %d is in a section that it does not want to be checkpointed in; "
			"the "
			"program runs on",
			holder->pid);
	else if (slow)
		err_say(&err, ETIMEDOUT,
			"process %d has not finished what it does before a checkpoint; the program "
			"runs on",
			slow->pid);
	else
		return;
	until = slow ? a->guests_asked_ns + GUESTS_HOOK_MS * 1000000LL : 0;
	next = round_refuse_waiting(a, until && now >= until ? INT64_MAX : now, &err);
	if (until && (!next || until < next))
		next = until;
	if (next && a->waiting)
		uv_timer_start(&a->guest_timer, guests_on_timer,
			       (uint64_t)((next > now ? next - now : 0) / 1000000 + 1), 0);
}

static void guests_on_timer(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	guests_look(a);
	if (!a->waiting)
		guests_resumed(a, false);
}

bool guests_allow(struct agent *a)
{
	uv_timer_stop(&a->guest_timer);
	if (a->root_ended)
		return true;
	if (!guests_in_the_way(a, true)) {
		guests_ask(a);
		if (!guests_in_the_way(a, false) && !guests_in_the_way(a, true))
			return true;
	}
	uv_timer_start(&a->guest_timer, guests_on_timer, 0, 0);
	return false;
}

void guests_resumed(struct agent *a, bool made)
{
	if (!a->guests_asked_ns)
		return;
	a->guests_asked_ns = 0;
	for (struct guest *g = a->guests; g; g = g->next) {
		json_t *about = json_object();

		json_object_set_new(about, "made", json_boolean(made));
		if (g->asked)
			guests_tell(a, g, "resumed", about);
		else
			json_decref(about);
		g->asked = g->ready = false;
	}
}

void guests_open(struct agent *a)
{
	uv_timer_init(&a->loop, &a->guest_timer);
	a->guest_timer.data = a;
}

void guests_close(struct agent *a)
{
	while (a->guests) {
		struct guest *next = a->guests->next;

		free(a->guests);
		a->guests = next;
	}
}
