/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A round: one checkpoint from the request to the committed generation.
 *
 * PARK to RELEASE happen here, on the main thread, which is the tracer; WRITE and COMMIT on a thread of the
 * round's own, as libuv ends us where it is refused its threads. Requests that come meanwhile want a later
 * state: they share the next round.
 */
#include "base/owned.h"
#include "coord/agent_state.h"
#include "coord/generation.h"
#include "coord/guests.h"
#include "coord/join.h"
#include "coord/manifest.h"
#include "coord/restart_files.h"
#include "coord/restart_script.h"
#include "host/json.h"
#include "host/log.h"
#include "restart/sharing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUND_TICK_MS = 100 };

struct round {
	struct agent *agent;
	struct round_request *requests;
	struct ckpt *ckpt;
	struct generation generation;
	struct ckpt_result result;
	char path[4096]; /* of the generation */
	const char *reason;
	bool kill, hold, skip;
	json_t *uncontrolled; /* processes that are left out; NULL: none */
	int logfd; /* the generation's log */
	int64_t began_ns, taken_ns; /* MONOTONIC, REALTIME */
	uv_timer_t tick;
	uv_async_t written; /* sent by the writer as its last act */
	pthread_t writer;
	atomic_bool cancelled;
	int rc; /* the writer's */
	struct err err;
};

bool round_holds(const struct agent *a)
{
	return a->round && a->round->hold && a->round->ckpt;
}

static void round_free_requests(struct round_request *q)
{
	while (q) {
		struct round_request *next = q->next;

		free(q);
		q = next;
	}
}

static json_t *round_report(const struct round *r)
{
	const struct ckpt_result *c = &r->result;
	int64_t took = agent_clock_ns(CLOCK_MONOTONIC) - r->began_ns;
	json_t *j = json_document();

	json_object_set_new(j, "name", json_string(r->agent->rundir.name));
	json_object_set_new(j, "generation", json_integer(r->agent->last.number));
	json_object_set_new(j, "path", json_string_nocheck(r->path));
	json_object_set_new(j, "processes", json_integer(c->processes));
	json_object_set_new(j, "threads", json_integer(c->threads));
	json_object_set_new(j, "image_bytes", json_integer((json_int_t)c->image_bytes));
	json_object_set_new(j, "memory_bytes", json_integer((json_int_t)c->memory_bytes));
	json_object_set_new(j, "seconds", json_seconds(took));
	json_object_set_new(j, "park_seconds", json_seconds(c->park_ns));
	json_object_set_new(j, "pause_seconds", json_seconds(c->pause_ns));
	json_object_set_new(j, "killed", json_boolean(r->kill));
	if (r->uncontrolled)
		json_object_set(j, "uncontrolled", r->uncontrolled);
	return j;
}

static void round_answer(struct round_request *q, const json_t *report, const struct err *err)
{
	if (!q->client)
		return;
	if (report)
		control_done(q->client, report);
	else
		control_fail(q->client, err);
	q->client = NULL;
}

static void round_closed(uv_handle_t *h)
{
	struct round *r = h->data;
	struct agent *a = r->agent;

	a->round = NULL;
	free(r);
	children_look(a);
	schedule_plan(a);
	round_next(a);
}

static void round_tick_closed(uv_handle_t *h)
{
	struct round *r = h->data;

	/* Not there when the loop could not wait for it. */
	if (uv_handle_get_type((uv_handle_t *)&r->written) == UV_ASYNC)
		uv_close((uv_handle_t *)&r->written, round_closed);
	else
		round_closed(h);
}

static void round_note_failure(struct round *r)
{
	struct agent *a = r->agent;

	const struct agent_event event = { .kind = AGENT_EVENT_FAILED,
					   .reason = r->reason,
					   .stopping = a->asked_to_stop && r->kill,
					   .error = r->err.msg };

	a->last.failed++;
	memcpy(a->last.error, r->err.msg, sizeof(a->last.error));
	log_error("round", "no checkpoint: %s", r->err.msg);
	schedule_tell(a, &event);
}

static void round_note_success(struct round *r)
{
	struct agent *a = r->agent;

	a->last.made++;
	a->last.number = r->generation.number;
	a->last.at_ns = r->taken_ns;
	memcpy(a->last.path, r->path, sizeof(a->last.path));
	*a->last.error = '\0';
	const struct agent_event event = {
		.kind = AGENT_EVENT_CHECKPOINT,
		.reason = r->reason,
		.stopping = r->kill,
		.generation = r->generation.number,
		.processes = r->result.processes,
		.image_bytes = r->result.image_bytes,
		.took_ns = agent_clock_ns(CLOCK_MONOTONIC) - r->began_ns,
		.pause_ns = r->result.pause_ns,
	};
	schedule_tell(a, &event);
}

/* Whom we have no hold of as well, as far as we may. */
static void round_kill(struct round *r)
{
	r->agent->killed = true;
	if (r->uncontrolled)
		agent_kill_all(r->agent, SIGKILL);
	ckpt_kill(r->ckpt);
}

/* The end of a round, on every path. */
static void round_finish(struct round *r)
{
	struct agent *a = r->agent;
	OWNED_JSON json_t *report = NULL;

	if (r->rc < 0)
		round_note_failure(r);
	else
		round_note_success(r);
	if (r->ckpt && r->kill && r->rc >= 0)
		round_kill(r);
	ckpt_close(r->ckpt);
	r->ckpt = NULL;
	if (!r->kill || r->rc < 0)
		guests_resumed(a, r->rc >= 0);
	generation_abandon(&r->generation);
	log_copy(-1);
	owned_fd_done(&r->logfd);
	report = r->rc < 0 ? NULL : round_report(r);
	for (struct round_request *q = r->requests; q; q = q->next)
		round_answer(q, report, &r->err);
	json_decref(r->uncontrolled);
	round_free_requests(r->requests);
	r->requests = NULL; /* clients may still go before the round has closed */
	if (a->asked_to_stop && r->kill && r->rc >= 0)
		a->stopped_by_us = true;
	if (a->asked_to_stop && r->kill && r->rc < 0)
		a->asked_to_stop = false; /* it may be asked again; the program runs on */
	uv_timer_stop(&r->tick);
	uv_close((uv_handle_t *)&r->tick, round_tick_closed);
}

static int round_timed_out(struct err *err)
{
	return err_say(err, ETIMEDOUT,
		       "not finished in the time given: the checkpoint was abandoned, the program "
		       "runs on");
}

static int round_write(struct round *r)
{
	struct agent *a = r->agent;
	struct manifest_source source = {
		.name = a->rundir.name,
		.reason = r->reason,
		.root = a->root,
		.number = r->generation.number,
		.stopped = r->kill,
		.taken_ns = r->taken_ns,
		.result = &r->result,
		.options = &a->options,
		.uncontrolled = r->uncontrolled,
	};
	OWNED_PTR char *text = NULL;

	if (ckpt_write(r->ckpt, r->generation.dirfd, &r->err) < 0)
		return atomic_load(&r->cancelled) ? round_timed_out(&r->err) : -r->err.num;
	ckpt_result(r->ckpt, &r->result);
	text = manifest_text(&source, r->generation.dirfd, &r->err);
	if (!text)
		return -r->err.num;
	if (atomic_load(&r->cancelled))
		return round_timed_out(&r->err);
	log_info("round", "generation %u: %u processes, %u threads, %llu bytes, pause %.3f ms",
		 r->generation.number, r->result.processes, r->result.threads,
		 (unsigned long long)r->result.image_bytes, (double)r->result.pause_ns / 1e6);
	if (generation_commit(&r->generation, text, a->options.keep, &r->err) < 0)
		return -r->err.num;
	restart_files_write(a, r->ckpt);
	restart_script_write(a, r->taken_ns);
	return 0;
}

/* The writer. Between its start and round_written the main thread touches only the progress. */
static void *round_work(void *arg)
{
	struct round *r = arg;

	r->rc = round_write(r);
	uv_async_send(&r->written);
	return NULL;
}

static void round_written(uv_async_t *written)
{
	struct round *r = written->data;

	pthread_join(r->writer, NULL);
	round_finish(r);
}

/* Signals are the main thread's business. */
static int round_start_writer(struct round *r)
{
	sigset_t all, old;
	int num;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	num = pthread_create(&r->writer, NULL, round_work, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return num ? err_set(&r->err, num,
			     "start a thread to write the images (ulimit -u limits a user's "
			     "processes "
			     "and threads)")
		   : 0;
}

static void round_expire(struct round *r, struct round_request *q)
{
	struct err err;

	round_timed_out(&err);
	round_answer(q, NULL, &err);
	q->expired = true;
	for (q = r->requests; q; q = q->next)
		if (!q->expired)
			return;
	atomic_store(&r->cancelled, true);
	ckpt_cancel(r->ckpt);
}

static void round_tick(uv_timer_t *timer)
{
	struct round *r = timer->data;
	int64_t now = agent_clock_ns(CLOCK_MONOTONIC);
	OWNED_JSON json_t *progress = json_object();
	uint64_t done = 0, total = 0;

	ckpt_progress(r->ckpt, &done, &total);
	json_object_set_new(progress, "done_bytes", json_integer((json_int_t)done));
	json_object_set_new(progress, "total_bytes", json_integer((json_int_t)total));
	for (struct round_request *q = r->requests; q; q = q->next) {
		if (q->client)
			control_progress(q->client, progress);
		if (q->deadline_ns && !q->expired && now > q->deadline_ns)
			round_expire(r, q);
	}
}

/* How long parking may take: up to its own default, but not past the last request's deadline. */
static int64_t round_park_deadline(const struct round *r)
{
	int64_t latest = 0, left;

	for (const struct round_request *q = r->requests; q; q = q->next) {
		if (!q->deadline_ns)
			return 0;
		if (q->deadline_ns > latest)
			latest = q->deadline_ns;
	}
	left = latest - agent_clock_ns(CLOCK_MONOTONIC);
	return left < 1000000 ? 1000000 : left > 10000000000 ? 0 : left;
}

static int round_open_log(struct round *r)
{
	r->logfd =
		openat(r->generation.dirfd, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	log_copy(r->logfd);
	return r->logfd;
}

/* Said in the report, the manifest and the log. */
static json_t *round_list_uncontrolled(const struct ckpt *ckpt)
{
	size_t n;
	const struct park_skipped *s = ckpt_skipped(ckpt, &n);
	json_t *list = n ? json_array() : NULL;

	for (size_t i = 0; i < n; i++) {
		log_error("round", "left out: %s", s[i].why);
		json_array_append_new(list, json_pack("{sisiso}", "pid", s[i].pid, "ppid",
						      s[i].ppid, "why", json_text(s[i].why)));
	}
	return list;
}

/* What a restart would have to refuse is refused now. */
static int round_check(const struct ckpt *ckpt, struct err *err)
{
	size_t n;
	OWNED_PTR const struct model **models = ckpt_models(ckpt, &n);

	if (!models)
		return err_set(err, ENOMEM, "checkpoint of %zu processes", n);
	return sharing_check(models, n, err);
}

static int round_start(struct round *r)
{
	struct agent *a = r->agent;
	struct ckpt_options o = {
		.root = a->root,
		.codec = a->options.codec,
		.level = a->options.level,
		.workers = a->options.workers,
		.hold = r->kill,
		.close_outside = a->options.close_outside,
		.policies = &a->options.policies,
		.skip = r->skip,
		.strangers = a->succeeds,
		.notes = &a->notes,
		.park_deadline_ns = round_park_deadline(r),
	};
	struct join_told told = { 0 };
	int rc;

	if (a->root_ended)
		return err_say(&r->err, ESRCH, "the program has ended");
	if (!a->memory && park_memory_create(&a->memory, &r->err) < 0)
		return -r->err.num;
	if (generation_open(&r->generation, a->ckpt_dir, &r->err) < 0)
		return -r->err.num;
	memcpy(r->path, r->generation.path, sizeof(r->path));
	round_open_log(r);
	r->hold = r->kill;
	r->taken_ns = agent_clock_ns(CLOCK_REALTIME);
	rc = join_tell(a, &o, &told, &r->err);
	o.with_orphans = a->child || o.njoined;
	o.except = a->signals.sentinel;
	if (rc >= 0)
		rc = ckpt_begin(&r->ckpt, &o, a->memory, &r->err);
	join_told_done(&told);
	if (rc < 0)
		return rc;
	if (round_check(r->ckpt, &r->err) < 0)
		return -r->err.num;
	r->hold = ckpt_holds(r->ckpt);
	r->uncontrolled = round_list_uncontrolled(r->ckpt);
	return round_start_writer(r);
}

static void round_begin(struct agent *a, struct round *r)
{
	*r = (struct round){ .agent = a, .requests = a->waiting, .logfd = -1 };
	a->waiting = NULL;
	a->round = r;
	r->generation.dirfd = r->generation.parentfd = -1;
	r->written.data = r->tick.data = r;
	r->reason = r->requests->reason;
	r->began_ns = agent_clock_ns(CLOCK_MONOTONIC);
	r->skip = a->options.skip_uncontrolled;
	for (struct round_request *q = r->requests; q; q = q->next) {
		r->kill = r->kill || q->kill;
		r->skip = r->skip || q->skip;
	}
	uv_timer_init(&a->loop, &r->tick);
	r->rc = uv_async_init(&a->loop, &r->written, round_written);
	if (r->rc < 0)
		err_set(&r->err, r->rc, "checkpoint");
	else
		r->rc = round_start(r);
	if (r->rc < 0) {
		round_finish(r);
		return;
	}
	if (!r->hold)
		guests_resumed(a, true);
	uv_timer_start(&r->tick, round_tick, ROUND_TICK_MS, ROUND_TICK_MS);
}

void round_next(struct agent *a)
{
	struct err err;
	struct round *r;

	if (a->round || !a->waiting || !guests_allow(a))
		return;
	r = calloc(1, sizeof(*r));
	if (r) {
		round_begin(a, r);
		return;
	}
	err_set(&err, ENOMEM, "checkpoint");
	for (struct round_request *q = a->waiting; q; q = q->next)
		round_answer(q, NULL, &err);
	round_free_requests(a->waiting);
	a->waiting = NULL;
}

void round_request(struct agent *a, struct round_request *request)
{
	request->next = a->waiting;
	a->waiting = request;
	round_next(a);
}

int64_t round_refuse_waiting(struct agent *a, int64_t now, const struct err *err)
{
	struct round_request **p = &a->waiting;
	int64_t next = 0;

	while (*p) {
		struct round_request *q = *p;
		int64_t deadline = q->deadline_ns ? q->deadline_ns : INT64_MAX;

		if (deadline > now) {
			if (q->deadline_ns && (!next || deadline < next))
				next = deadline;
			p = &q->next;
			continue;
		}
		*p = q->next;
		if (q->kill && !q->client)
			a->asked_to_stop = 0; /* it may be asked again */
		round_answer(q, NULL, err);
		free(q);
		a->last.failed++;
		memcpy(a->last.error, err->msg, sizeof(a->last.error));
		log_error("round", "no checkpoint: %s", err->msg);
	}
	return next;
}

static void round_forget(struct round_request *q, const struct control_client *client)
{
	for (; q; q = q->next)
		if (q->client == client)
			q->client = NULL;
}

void round_client_gone(struct agent *a, struct control_client *client)
{
	round_forget(a->waiting, client);
	if (a->round)
		round_forget(a->round->requests, client);
}
