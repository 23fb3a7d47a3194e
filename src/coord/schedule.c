/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens by the clock: checkpoints at intervals, the stop before a batch system's limit, and a
 * minute's tick; and the hooks of those who are told what happens.
 */
#include "coord/agent_state.h"

#include <stdlib.h>
#include <time.h>

enum { SCHEDULE_MINUTE_MS = 60000, SCHEDULE_TRIES = 3 };

static void schedule_on_interval(uv_timer_t *timer)
{
	struct agent *a = timer->data;
	struct round_request *r;

	if (a->round || a->waiting || a->root_stopped || !(r = calloc(1, sizeof(*r))))
		return;
	r->reason = "interval";
	round_request(a, r);
}

static void schedule_on_stop(uv_timer_t *timer)
{
	struct agent *a = timer->data;

	if (!a->root_ended)
		agent_ask_to_stop(a, 0);
}

static void schedule_on_minute(uv_timer_t *timer)
{
	const struct agent_event event = { .kind = AGENT_EVENT_TICK };

	schedule_tell(timer->data, &event);
}

void schedule_open(struct agent *a)
{
	uv_timer_init(&a->loop, &a->interval);
	uv_timer_init(&a->loop, &a->stop_timer);
	uv_timer_init(&a->loop, &a->minute);
	a->interval.data = a->stop_timer.data = a->minute.data = a;
}

void schedule_tell(struct agent *a, const struct agent_event *event)
{
	const struct agent_hooks *h = a->options.hooks;
	struct agent_event e = *event;

	if (e.kind == AGENT_EVENT_FAILED && e.stopping)
		e.given_up = ++a->stop_tries >= SCHEDULE_TRIES;
	if (h && h->event)
		h->event(a->options.hooks_data, &e);
}

/* A checkpoint before the end that has failed is tried again: there may be no other end. */
static bool schedule_must_retry(const struct agent *a)
{
	return a->stop_tries && a->stop_tries < SCHEDULE_TRIES && !a->asked_to_stop &&
	       !a->stopped_by_us && !a->root_ended;
}

static void schedule_set(struct agent *a, const struct agent_plan *plan)
{
	uint64_t ms = (uint64_t)plan->interval_s * 1000;
	int64_t left = plan->stop_at_ns - agent_clock_ns(CLOCK_REALTIME);

	/* One that is due goes on as it is; a new one begins now. */
	if (ms != uv_timer_get_repeat(&a->interval)) {
		uv_timer_stop(&a->interval);
		uv_timer_set_repeat(&a->interval, ms);
		if (ms)
			uv_timer_start(&a->interval, schedule_on_interval, ms, ms);
	}
	uv_timer_stop(&a->stop_timer);
	if (plan->stop_at_ns && a->options.stop_signals && !a->stop_tries)
		uv_timer_start(&a->stop_timer, schedule_on_stop,
			       left > 0 ? (uint64_t)left / 1000000 : 0, 0);
}

void schedule_plan(struct agent *a)
{
	const struct agent_hooks *h = a->options.hooks;
	struct agent_plan plan = { .interval_s = a->options.interval_s };

	if (h && h->plan)
		h->plan(a->options.hooks_data, &plan);
	if (!a->asked_to_stop && !a->root_ended)
		schedule_set(a, &plan);
	if (schedule_must_retry(a))
		agent_ask_to_stop(a, 0);
}

void agent_set_interval(struct agent *a, unsigned int seconds)
{
	a->options.interval_s = seconds;
	uv_timer_stop(&a->interval);
	uv_timer_set_repeat(&a->interval, 0); /* begins now, even where it is as before */
	schedule_plan(a);
}

void schedule_begin(struct agent *a)
{
	uv_update_time(&a->loop);
	if (a->options.hooks)
		uv_timer_start(&a->minute, schedule_on_minute, SCHEDULE_MINUTE_MS,
			       SCHEDULE_MINUTE_MS);
	schedule_plan(a);
}
