/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/leg.h"

#include "cli/command.h"
#include "host/human.h"
#include "host/json.h"
#include "job/interval.h"
#include "job/prometheus.h"
#include "job/requeue.h"
#include "job/walltime.h"

#include <errno.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>

enum { LEG_FIRST_INTERVAL_S = 60, LEG_NS = 1000000000 };

/* One line for the job's log, which many legs share. */
static void leg_say_text(const void *data, const char *text)
{
	const struct leg *leg = data;

	fprintf(stderr, "cairn: leg %u: %s\n", ledger_legs(&leg->ledger), text);
}

static void __attribute__((format(printf, 2, 3)))
leg_say(const struct leg *leg, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	leg_say_text(leg, text);
}

static int64_t leg_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * LEG_NS + t.tv_nsec;
}

static const char *leg_clock(int64_t ns, char text[32])
{
	time_t s = (time_t)(ns / LEG_NS);
	struct tm tm;

	localtime_r(&s, &tm);
	strftime(text, 32, "%H:%M:%S", &tm);
	return text;
}

static void leg_record(struct leg *leg)
{
	struct err err = ERR_INIT;

	ledger_write(&leg->ledger);
	if (leg->options.prometheus &&
	    prometheus_write(leg->options.prometheus, leg->ledger.record, &err) < 0) {
		leg_say(leg, "%s: no metrics", err.msg);
		leg->options.prometheus = NULL;
	}
}

int leg_open(struct leg *leg, const char *dir, unsigned int mark, struct err *err)
{
	leg->start_ns = leg_now();
	if (lock_open(&leg->lock, dir, leg->place.job, mark, leg->options.wait_s, err) < 0 ||
	    ledger_open(&leg->ledger, leg->lock.dirfd, err) < 0)
		return -err->num;
	return 0;
}

void leg_close(struct leg *leg)
{
	ledger_done(&leg->ledger);
	lock_close(&leg->lock);
}

/* Has an earlier run of this very leg been charged from the job's beginning already? */
static bool leg_is_first_here(const struct leg *leg)
{
	const json_t *legs = json_object_get(leg->ledger.record, "legs"), *last;

	last = json_array_get(legs, json_array_size(legs) - 1);
	return !last || strcmp(json_get_string(last, "job", ""), leg->place.job) ||
	       json_get_ns(last, "started") / LEG_NS < leg->slurm.start_s;
}

/* What Slurm knows: asked once, and in a step of many ranks by one of them. */
static void leg_ask_slurm(struct leg *leg, struct err *err)
{
	if (!leg->options.contract->scontrol || !*leg->place.job || leg->place.rank)
		return;
	if (slurm_ask(&leg->slurm, leg->place.job, err) < 0) {
		leg->no_scontrol = err->num == ENOENT;
		return;
	}
	if (leg->slurm.end_s)
		leg->end_ns = leg->slurm.end_s * LEG_NS;
	if (leg->slurm.start_s && leg_is_first_here(leg))
		leg->start_ns = leg->slurm.start_s * LEG_NS;
}

/* What its owner should know at once of how this job will go on, or not. */
static void leg_tell_slurm(const struct leg *leg, const struct err *err)
{
	if (leg->no_scontrol)
		leg_say(leg, "no scontrol here: the job's limits are unknown, and after status 99 "
			     "it must be "
			     "queued again from outside of the container (as `cairn run -- podman "
			     "run ...` does)");
	else if (err->num)
		leg_say(leg,
			"Slurm cannot be asked: %s: the job's limits are unknown, and it may not "
			"come to "
			"be queued again",
			err->msg);
	else if (!leg->slurm.known || leg->options.no_requeue)
		return;
	else if (!leg->slurm.batch)
		leg_say(leg, "this is no batch job: stopped, it is not queued again");
	else if (!leg->slurm.requeue)
		leg_say(leg,
			"submitted with --no-requeue: stopped, it is not queued again (`scontrol "
			"update "
			"JobId=%s Requeue=1` allows it)",
			leg->place.job);
}

/*
 * The time wanted in all: as told, or as the comment says is left. One that is not as we left it was changed
 * by somebody, and counts.
 */
static void leg_budget(struct leg *leg)
{
	const char *comment = leg->slurm.comment;
	int64_t left, wanted = leg->options.total_s;

	leg->comment_is_time =
		leg->slurm.known && strpbrk(comment, ":-") && walltime_parse(&left, comment);
	if (!wanted && leg->comment_is_time &&
	    strcmp(comment, json_get_string(leg->ledger.record, "comment", "")))
		wanted = (int64_t)leg->ledger.used_before + left;
	if (wanted)
		ledger_set(&leg->ledger, "wanted_seconds", json_integer(wanted));
}

static void leg_find_end(struct leg *leg)
{
	int64_t left = ledger_wanted(&leg->ledger) - (int64_t)leg->ledger.used_before;
	int64_t end = leg->start_ns + left * LEG_NS;

	if (leg->options.walltime_s)
		leg->end_ns = leg->start_ns + leg->options.walltime_s * LEG_NS;
	if (ledger_wanted(&leg->ledger) && (!leg->end_ns || end < leg->end_ns))
		leg->end_ns = end;
	if (leg->end_ns)
		ledger_set_leg(&leg->ledger, "limit", json_seconds(leg->end_ns));
}

/* Checkpoints that stay behind on this node are none to the next leg. */
static void leg_check_directory(const struct leg *leg, const char *dir)
{
	struct statfs fs = { 0 };

	fstatfs(leg->lock.dirfd, &fs);
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC) {
		fprintf(stderr,
			"cairn: '%s' is this container's own, and goes with it: name a directory "
			"that "
			"is mounted into it (-d)\n",
			dir);
		return;
	}
	if (!*leg->place.job)
		return;
	if (!strncmp(dir, "/tmp/", 5) || !strncmp(dir, "/dev/shm/", 9) || fs.f_type == TMPFS_MAGIC)
		leg_say(leg,
			"'%s' is this node's own: a leg on another node will not find the "
			"checkpoints; name a shared directory (-d)",
			dir);
}

/* When we stop by ourselves, signal or not; 0: never. */
static int64_t leg_stop_at(const struct leg *leg)
{
	int64_t need = (int64_t)(interval_allow(leg->cost_s) * LEG_NS);
	int64_t at = leg->end_ns - need;

	/* A leg that would be all stopping: rather let it run as far as it comes. */
	return leg->end_ns && at > leg->start_ns + need / 2 ? at : 0;
}

static void leg_check_lead(struct leg *leg)
{
	double need = interval_allow(leg->cost_s);
	int64_t at = leg_stop_at(leg);
	char text[32];

	if (!leg->options.lead_s || need <= leg->options.lead_s || leg->told_lead)
		return;
	leg->told_lead = true;
	if (at)
		leg_say(leg,
			"a checkpoint takes %s: the lead time of %u s is too short for it. The "
			"last one "
			"will begin at %s",
			human_time((int64_t)(leg->cost_s * LEG_NS)).s, leg->options.lead_s,
			leg_clock(at, text));
	else
		leg_say(leg,
			"a checkpoint takes %s: the lead time of %u s is too short for it; ask for "
			"%.0f s (and tell the leg's length with --walltime)",
			human_time((int64_t)(leg->cost_s * LEG_NS)).s, leg->options.lead_s, need);
}

void leg_begin(struct leg *leg, const char *name, const char *dir, char *const *argv)
{
	struct err err = ERR_INIT;
	char end[32];

	leg->dir = dir;
	leg_ask_slurm(leg, &err);
	ledger_begin(&leg->ledger, name, argv, &leg->place, leg->start_ns);
	leg->cost_s = json_number_value(
		json_object_get(json_object_get(leg->ledger.record, "checkpoint"), "seconds"));
	leg_budget(leg);
	leg_find_end(leg);
	if (leg->options.contract->scontrol && *leg->place.job)
		lock_join(&leg->lock, leg->place.job);
	if (*leg->place.job)
		leg_say(leg, "job %s on %s, checkpoints in '%s'%s%s", leg->place.job,
			leg->place.node, dir, leg->end_ns ? ", until " : "",
			leg->end_ns ? leg_clock(leg->end_ns, end) : "");
	leg_tell_slurm(leg, &err);
	leg_check_directory(leg, dir);
	if (leg->cost_s > 0)
		leg_check_lead(leg);
	leg_record(leg);
}

static void leg_checkpointed(struct leg *leg, const struct agent_event *e)
{
	json_t *c = json_object();

	leg->generation = e->generation;
	leg->cost_s = (double)e->took_ns / LEG_NS;
	json_object_set_new(c, "generation", json_integer(e->generation));
	json_object_set_new(c, "bytes", json_integer((json_int_t)e->image_bytes));
	json_object_set_new(c, "processes", json_integer(e->processes));
	json_object_set_new(c, "seconds", json_seconds(e->took_ns));
	json_object_set_new(c, "pause_seconds", json_seconds(e->pause_ns));
	json_object_set_new(c, "time", json_seconds(leg_now()));
	json_object_set_new(c, "reason", json_string(e->reason));
	ledger_set(&leg->ledger, "checkpoint", c);
	ledger_set_leg(&leg->ledger, "generation", json_integer(e->generation));
	ledger_count(&leg->ledger, "checkpoints");
	leg_say(leg, "generation %u, %u process%s, %s in %s, pause %s", e->generation, e->processes,
		e->processes == 1 ? "" : "es", human_size(e->image_bytes).s,
		human_time(e->took_ns).s, human_time(e->pause_ns).s);
	if (!e->stopping)
		leg_check_lead(leg);
}

static void leg_asked(struct leg *leg, int signo)
{
	char text[32];

	if (signo)
		leg_say(leg, "SIG%s: checkpoint and stop", sigabbrev_np(signo));
	else if (leg->asked_to_stop)
		leg_say(leg, "trying again");
	else
		leg_say(leg, "this leg ends at %s: checkpoint and stop",
			leg_clock(leg->end_ns, text));
	leg->asked_to_stop = true;
}

/* Nothing more can be done for it: its owner may still make room. */
static void leg_given_up(const struct leg *leg)
{
	if (leg->generation)
		leg_say(leg, "the program runs on: ended now, it would go on from generation %u",
			leg->generation);
	else
		leg_say(leg, "the program runs on: ended now, all of its work would be lost");
}

static void leg_event(void *data, const struct agent_event *e)
{
	struct leg *leg = data;

	switch (e->kind) {
	case AGENT_EVENT_CHECKPOINT:
		leg_checkpointed(leg, e);
		break;
	case AGENT_EVENT_FAILED:
		ledger_count(&leg->ledger, "failures");
		leg_say(leg, "no checkpoint: %s", e->error);
		if (e->given_up)
			leg_given_up(leg);
		break;
	case AGENT_EVENT_STOP:
		leg->signal_caught |= e->caught;
		leg_asked(leg, e->signo);
		break;
	case AGENT_EVENT_TICK:
		break;
	}
	leg_record(leg);
}

static void leg_plan(void *data, struct agent_plan *plan)
{
	const struct leg *leg = data;
	double mtbf = leg->options.mtbf_s;

	if (leg->options.interval_auto && !(mtbf > 0))
		mtbf = interval_mtbf(ledger_used(&leg->ledger), ledger_failures(&leg->ledger));
	if (leg->options.interval_auto && !plan->interval_s)
		plan->interval_s =
			leg->cost_s > 0 ? interval_best(leg->cost_s, mtbf) : LEG_FIRST_INTERVAL_S;
	plan->stop_at_ns = leg_stop_at(leg);
}

static void leg_status(void *data, json_t *status)
{
	const struct leg *leg = data;
	const struct ledger *l = &leg->ledger;
	json_t *job = json_object();

	json_object_set_new(job, "leg", json_integer(ledger_legs(l)));
	if (*leg->place.job)
		json_object_set_new(job, "job", json_string(leg->place.job));
	json_object_set_new(job, "contract", json_string(leg->options.contract->name));
	json_object_set_new(job, "used_seconds", json_real(ledger_used(l)));
	if (ledger_wanted(l))
		json_object_set_new(job, "wanted_seconds", json_integer(ledger_wanted(l)));
	if (leg->end_ns)
		json_object_set_new(job, "ends", json_seconds(leg->end_ns));
	if (leg_stop_at(leg))
		json_object_set_new(job, "stops", json_seconds(leg_stop_at(leg)));
	json_object_set_new(status, "job", job);
}

const struct agent_hooks leg_hooks = { .event = leg_event, .plan = leg_plan, .status = leg_status };

/* The next leg gets no more time than is left, and its comment says how much that is. */
static void leg_pass_budget(void *data, const struct slurm_job *now)
{
	struct leg *leg = data;
	int64_t left = ledger_left(&leg->ledger);
	struct err err = ERR_INIT;

	if (!ledger_wanted(&leg->ledger) || !leg->slurm.known)
		return;
	if ((!leg->slurm.limit_s || left < leg->slurm.limit_s) &&
	    slurm_set_limit(leg->place.job, left, &err) < 0)
		leg_say(leg, "the next leg's limit stays: %s", err.msg);
	/* Somebody has changed it meanwhile: the next leg will see. */
	if (!leg->comment_is_time || strcmp(now->comment, leg->slurm.comment))
		return;
	ledger_set(&leg->ledger, "comment", json_string(walltime_write(left).s));
	ledger_write(&leg->ledger);
	if (slurm_set_comment(leg->place.job, walltime_write(left).s, &err) < 0)
		leg_say(leg, "the comment stays: %s", err.msg);
}

static void leg_requeue(struct leg *leg)
{
	const struct requeue r = { .job = leg->place.job,
				   .dir = leg->dir,
				   .say = leg_say_text,
				   .before = leg_pass_budget,
				   .data = leg };

	if (leg->no_scontrol)
		leg_say(leg, "job %s is to be queued again from outside", leg->place.job);
	else
		requeue_job(&r);
}

static bool leg_used_up(const struct leg *leg)
{
	/* What is left must be worth a start. */
	return ledger_wanted(&leg->ledger) &&
	       (double)ledger_left(&leg->ledger) < 2 * interval_allow(leg->cost_s);
}

/*
 * Checkpointed and ended by us; or ended by the signal, which came to it as well, and then to go on from the
 * checkpoint before.
 */
static int leg_stopped(struct leg *leg, int status)
{
	const struct contract *c = leg->options.contract;
	bool used_up = leg_used_up(leg);
	bool again = c->scontrol && *leg->place.job && !leg->options.no_requeue && !used_up;

	ledger_end(&leg->ledger, used_up ? ledger_used_up : ledger_stopped, -1);
	leg_record(leg);
	leg_say(leg, "stopped, to go on from generation %u; %s of wall time used%s%s%s",
		leg->generation, walltime_write((int64_t)ledger_used(&leg->ledger)).s,
		ledger_wanted(&leg->ledger) ? " of " : "",
		ledger_wanted(&leg->ledger) ? walltime_write(ledger_wanted(&leg->ledger)).s : "",
		used_up ? ": that is all" : "");
	if (lock_leave(&leg->lock, again))
		leg_requeue(leg);
	return used_up ? W_EXITCODE(COMMAND_USED_UP, 0) : status;
}

/*
 * Slurm may send a signal to every process of a job: has the program ended of that, in whatever way? One that
 * has no handler for it and says that all is well has come to its own end.
 */
static bool leg_is_cut_short(const struct leg *leg, int wait_status)
{
	return leg->asked_to_stop && (wait_status || leg->signal_caught);
}

static int leg_finished(struct leg *leg, int wait_status)
{
	if (WIFEXITED(wait_status) && leg_is_cut_short(leg, wait_status)) {
		ledger_end(&leg->ledger, ledger_killed, WEXITSTATUS(wait_status));
	} else if (WIFEXITED(wait_status)) {
		ledger_finish(leg->lock.dirfd, WEXITSTATUS(wait_status));
		ledger_end(&leg->ledger, ledger_finished, WEXITSTATUS(wait_status));
	} else {
		ledger_end(&leg->ledger, ledger_killed, -1);
	}
	leg_record(leg);
	if (leg_is_cut_short(leg, wait_status))
		leg_say(leg, "the program has ended of the signal: all of its work is lost");
	else if (*leg->place.job && WIFEXITED(wait_status))
		leg_say(leg, "finished with status %d; %s of wall time used",
			WEXITSTATUS(wait_status),
			walltime_write((int64_t)ledger_used(&leg->ledger)).s);
	else if (WIFSIGNALED(wait_status))
		leg_say(leg, "the program was killed by SIG%s",
			WTERMSIG(wait_status) < 32 ? sigabbrev_np(WTERMSIG(wait_status)) : "RT");
	if (lock_leave(&leg->lock, false))
		leg_requeue(leg);
	return wait_status;
}

void leg_not_started(struct leg *leg)
{
	ledger_end(&leg->ledger, "not started", -1);
	leg_record(leg);
	if (lock_leave(&leg->lock, false))
		leg_requeue(leg);
}

/* What comes now comes late: it must not end us before our status has been passed on. */
static void leg_ignore_signals(const struct leg *leg)
{
	for (int signo = 1; signo < 64; signo++)
		if (leg->options.stop_signals >> (signo - 1) & 1)
			signal(signo, SIG_IGN);
}

int leg_ended(void *data, enum agent_end end, int wait_status)
{
	struct leg *leg = data;
	int status = wait_status, stopped = W_EXITCODE(leg->options.contract->stopped_status, 0);

	if (end == AGENT_END_STOPPED)
		status = leg_stopped(leg, stopped);
	else if (end == AGENT_END_PROGRAM && leg_is_cut_short(leg, wait_status) && leg->generation)
		status = leg_stopped(leg, WIFSIGNALED(wait_status) ? wait_status : stopped);
	else if (end == AGENT_END_PROGRAM)
		status = leg_finished(leg, wait_status);
	else
		ledger_end(&leg->ledger, "left", -1);
	leg_close(leg);
	leg_ignore_signals(leg);
	return status;
}
