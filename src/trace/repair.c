/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/repair.h"

#include "base/owned.h"
#include "trace/calls.h"
#include "trace/explain.h"
#include "trace/halfway.h"
#include "trace/memory.h"
#include "trace/regs.h"
#include "trace/remote.h"
#include "trace/tick.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	REPAIR_RED_ZONE = 128, /* below the stack pointer, still the function's own (x86-64 ABI) */
	REPAIR_URING = 24, /* bytes of struct io_uring_getevents_arg */
	REPAIR_CODE = 64, /* bytes before a call to look for its number in */
};

static const int64_t repair_forever = INT64_MAX;

struct repair_uring { /* struct io_uring_getevents_arg, and behind it room for what it points to */
	uint64_t mask, size, time;
	struct timespec ts;
};

/* One interrupted call under repair. */
struct repair {
	pid_t pid;
	struct park_thread *t; /* its registers become those of the image */
	struct user_regs_struct live; /* those that the thread goes on with */
	struct park_memory *memory;
	struct repair_list *late;
	struct memory_call *entry; /* what is known of this very call, or NULL */
	const struct calls_call *call;
	long nr;
	int64_t now;
};

static uint32_t tag_of(const struct repair *r)
{
	return (uint32_t)(regs_arg(&r->live, r->call->tag_arg) >> 32);
}

/* Of a thread in restart_syscall: which call was it when it was first interrupted? */
static long original_call(const struct repair *r)
{
	const struct memory_call *e = memory_find(r->memory, r->t->tid);
	uint8_t code[REPAIR_CODE];
	uint64_t pc = regs_pc(&r->live);

	if (e && e->pc == pc && e->sp == regs_sp(&r->live))
		return e->nr;
	if (remote_read(r->t->tid, pc - REGS_INSN_LEN - sizeof(code), code, sizeof(code), NULL) < 0)
		return SYS_restart_syscall;
	return calls_guess(code, sizeof(code)) < 0 ? SYS_restart_syscall
						   : calls_guess(code, sizeof(code));
}

static int64_t timespec_ns(const struct timespec *ts)
{
	if (ts->tv_sec >= INT64_MAX / 1000000000 - 1)
		return repair_forever;
	return ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec;
}

/* A time in the process's memory; forever where there is none to be read. */
static int64_t rest_at(const struct repair *r, uint64_t addr)
{
	struct timespec ts; /* a struct timeval has the same layout */

	if (remote_read(r->t->tid, addr, &ts, sizeof(ts), NULL) < 0)
		return repair_forever;
	if (r->call->timeout == CALLS_REST_US)
		ts.tv_nsec *= 1000;
	return timespec_ns(&ts);
}

/* Is this still the call that @e was made for? Then the arguments tell, or the restart. */
static bool same_call(const struct repair *r, const struct memory_call *e)
{
	if (!e || e->nr != r->nr || e->pc != regs_pc(&r->live) || e->sp != regs_sp(&r->live))
		return false;
	if (regs_call(&r->live) == SYS_restart_syscall)
		return true;
	if (e->tag)
		return tag_of(r) == e->tag;
	return e->changed != e->arg && regs_arg(&r->live, r->call->arg) == e->changed;
}

/* SO_RCVTIMEO or SO_SNDTIMEO of the descriptor that the call is about. */
static int64_t socket_timeout(const struct repair *r)
{
	struct timeval tv = { 0 };
	socklen_t len = sizeof(tv);
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, r->pid, 0);
	int option = r->call->timeout == CALLS_RECEIVE ? SO_RCVTIMEO : SO_SNDTIMEO;

	if (pidfd < 0)
		return repair_forever;
	OWNED_FD int fd = (int)sys3(__NR_pidfd_getfd, pidfd, (int)regs_arg(&r->live, 0), 0);
	if (fd < 0 || getsockopt(fd, SOL_SOCKET, option, &tv, &len) < 0)
		return repair_forever;
	if (!tv.tv_sec && !tv.tv_usec)
		return repair_forever;
	return tv.tv_sec * INT64_C(1000000000) + tv.tv_usec * 1000;
}

/* How long the call was to wait, as its arguments stand. */
static int64_t timeout_of(const struct repair *r)
{
	const struct calls_call *c = r->call;
	uint64_t arg = regs_arg(&r->live, c->arg);
	struct repair_uring how;

	switch (c->timeout) {
	case CALLS_MS:
		return (int32_t)arg < 0 ? repair_forever : (int32_t)arg * INT64_C(1000000);
	case CALLS_TIMESPEC:
		if ((regs_arg(&r->live, c->flags_arg) & c->flags_mask) != c->flags_value)
			return repair_forever; /* until a point in time: that stays as it is */
		return arg ? rest_at(r, arg) : repair_forever;
	case CALLS_URING:
		if ((regs_arg(&r->live, c->flags_arg) & c->flags_mask) != c->flags_value ||
		    remote_read(r->t->tid, arg, &how, REPAIR_URING, NULL) < 0)
			return repair_forever;
		return how.time ? rest_at(r, how.time) : repair_forever;
	case CALLS_REST:
	case CALLS_REST_US:
		return arg ? rest_at(r, arg) : repair_forever;
	case CALLS_RECEIVE:
	case CALLS_SEND:
		return socket_timeout(r);
	default:
		return repair_forever;
	}
}

/* Find or begin the entry of this call; false where there is nothing to keep of it. */
static bool remember(struct repair *r)
{
	struct memory_call *e = memory_find(r->memory, r->t->tid);
	int64_t timeout;

	if (!same_call(r, e)) {
		timeout = timeout_of(r);
		/* One with a restart block is not to be recognized when it is interrupted again. */
		if (timeout == repair_forever &&
		    regs_result(&r->live) != -REGS_ERESTART_RESTARTBLOCK)
			return false;
		e = memory_take(r->memory, r->t->tid);
		if (!e)
			return false;
		*e = (struct memory_call){ .tid = r->t->tid, .nr = r->nr };
		e->pc = regs_pc(&r->live);
		e->sp = regs_sp(&r->live);
		e->arg = e->changed = regs_arg(&r->live, r->call->arg);
		e->deadline_ns = timeout == repair_forever ? repair_forever : r->now + timeout;
	}
	e->park = r->memory->park;
	r->entry = e;
	return true;
}

/* nanosleep tells what is left, where the caller has asked for it; -1: not known. */
static int64_t rest_of(const struct repair *r)
{
	uint64_t arg = r->call->rest_arg ? regs_arg(&r->live, r->call->rest_arg) : 0;
	int64_t rest = arg ? rest_at(r, arg) : repair_forever;

	return rest == repair_forever ? -1 : rest;
}

/* To be done once more when the pause is over. */
static void put_off(struct repair *r, uint64_t at)
{
	struct repair_list *list = r->late;
	struct repair_late *l;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 16;

		l = reallocarray(list->at, room, sizeof(*l));
		if (!l)
			return; /* then it is late by the pause */
		list->at = l;
		list->room = room;
	}
	l = &list->at[list->n++];
	*l = (struct repair_late){ r->pid, r->t->tid, r->call, at, r->entry->deadline_ns };
}

/* A copy of what io_uring_enter is told, and of the time-out that this leads to. */
static void shorten_uring(const struct repair *r, struct user_regs_struct *regs,
			  struct timespec left)
{
	struct repair_uring how;
	uint64_t at = (regs_sp(regs) - REPAIR_RED_ZONE - sizeof(how)) & ~UINT64_C(15);

	if (remote_read(r->t->tid, regs_arg(regs, r->call->arg), &how, REPAIR_URING, NULL) < 0)
		return;
	how.time = at + offsetof(struct repair_uring, ts);
	how.ts = left;
	if (remote_write(r->t->tid, at, &how, sizeof(how), NULL) == 0)
		regs_set_arg(regs, r->call->arg, at);
}

/* A shorter time-out for @regs: in the register, or below the stack where nothing lives. */
static void shorten(const struct repair *r, struct user_regs_struct *regs, int64_t left)
{
	struct timespec ts = { left / 1000000000, left % 1000000000 };
	uint64_t at = (regs_sp(regs) - REPAIR_RED_ZONE - sizeof(ts)) & ~UINT64_C(15);

	if (r->call->timeout == CALLS_MS)
		regs_set_arg(regs, r->call->arg, (uint64_t)(left + 999999) / 1000000);
	else if (r->call->timeout == CALLS_URING)
		shorten_uring(r, regs, ts);
	else if (r->call->timeout == CALLS_TIMESPEC &&
		 remote_write(r->t->tid, at, &ts, sizeof(ts), NULL) == 0)
		regs_set_arg(regs, r->call->arg, at);
}

/*
 * Mark the call, so that we know it again: the upper half of an int argument is not looked at by the
 * kernel, and may be clobbered for a caller in C. A seccomp filter does look at it.
 */
static void mark(struct repair *r)
{
	struct memory_call *e = r->entry;

	if (e->tag || explain_filtered(r->pid, r->t->tid))
		return;
	e->tag = memory_tag(r->memory);
	calls_set_tag(r->call, &r->live, e->tag);
}

/*
 * Calls that start again with their whole time-out get one that is shorter by what has passed; those whose
 * rest stands in memory get it there when the pause is over.
 */
static void keep_deadline(struct repair *r, int64_t left)
{
	switch (r->call->timeout) {
	case CALLS_RECEIVE:
	case CALLS_SEND: /* the time-out is the socket's: it can only be ended when it is up */
		mark(r);
		if (left == 0)
			regs_set_result(&r->live, -r->call->timed_out);
		break;
	case CALLS_REST:
	case CALLS_REST_US:
		mark(r);
		put_off(r, regs_arg(&r->live, r->call->arg));
		break;
	default:
		shorten(r, &r->live, left);
		r->entry->changed = regs_arg(&r->live, r->call->arg);
		if (r->call->timeout != CALLS_URING)
			put_off(r, r->entry->changed);
		else if (r->entry->changed != r->entry->arg)
			put_off(r, r->entry->changed + offsetof(struct repair_uring, ts));
		if (r->call->timeout == CALLS_MS)
			mark(r);
	}
}

/* What an image is to hold: without our mark. The time that is left goes with it as a number. */
static void fill_image(struct repair *r)
{
	r->t->regs = r->live;
	if (r->entry && r->entry->tag)
		calls_set_tag(r->call, &r->t->regs, 0);
}

/* The call is over, but its caller has not yet gone on: give it its arguments back. */
static void forget(struct repair *r)
{
	const struct memory_call *e = memory_find(r->memory, r->t->tid);

	if (!e || e->nr != r->nr || !r->call || !same_call(r, e))
		return;
	regs_set_arg(&r->live, r->call->arg, e->arg);
	if (e->tag)
		calls_set_tag(r->call, &r->live, 0);
}

/*
 * The kernel would go on with restart_syscall, which a program's own filter need not know: then it begins its
 * call anew, with the rest of its time.
 */
static bool begins_anew(const struct repair *r)
{
	return regs_result(&r->live) == -REGS_ERESTART_RESTARTBLOCK && r->call && r->memory &&
	       regs_call(&r->live) == r->nr && explain_filtered(r->pid, r->t->tid);
}

static void repair_call(struct repair *r)
{
	bool anew = begins_anew(r);
	int64_t left = -1;

	if ((regs_result(&r->live) == -EINTR && r->call &&
	     calls_eintr(r->call, regs_arg(&r->live, 1))) ||
	    anew)
		/* The kernel restarts it, or gives EINTR where a handler runs: as without us. */
		regs_set_result(&r->live, -REGS_ERESTARTNOHAND);
	if (!regs_restarts(&r->live)) {
		forget(r);
		r->t->regs = r->live;
		return;
	}
	r->t->syscall = r->nr;
	if (r->call && r->memory && remember(r) && r->entry->deadline_ns != repair_forever) {
		left = r->entry->deadline_ns > r->now ? r->entry->deadline_ns - r->now : 0;
		if (r->call->eintr || anew || r->call->timeout >= CALLS_REST)
			keep_deadline(r, left);
		else if (rest_of(r) >= 0)
			left = rest_of(r);
	}
	if (!regs_restarts(&r->live)) { /* its time is up */
		r->t->syscall = -1;
		forget(r);
	}
	r->t->time_left_ns = left;
	fill_image(r);
}

/* What is left of a call of which @done bytes are made: by the detour. Else the count stays short. */
static bool send_on(struct repair *r, const struct user_regs_struct *in_call, uint64_t done)
{
	struct user_regs_struct regs = *in_call;
	int64_t code;

	regs_set_result(&regs, -REGS_ERESTARTNOHAND);
	r->t->regs = regs;
	code = r->memory ? halfway_place(r->t->tid, &regs, done) : -1;
	if (code < 0)
		return false;
	memory_note_detour(r->memory, r->pid, (uint64_t)code);
	r->live = regs;
	r->t->syscall = regs_call(&r->t->regs);
	r->t->done = done;
	return true;
}

/* A thread on a detour. What is over is over: it goes home at once. */
static void repair_detour(struct repair *r, struct halfway *h)
{
	uint64_t made = 0;

	if (h->in_call && (regs_restarts(&h->regs) || regs_result(&h->regs) == -EINTR)) {
		regs_set_result(&h->regs, -REGS_ERESTARTNOHAND);
		if (h->in_kernel)
			regs_set_result(&r->live, -REGS_ERESTARTNOHAND);
		r->t->regs = h->regs;
		r->t->syscall = regs_call(&h->regs);
		r->t->done = h->done;
		return;
	}
	if (h->in_call) {
		made = regs_result(&h->regs) > 0 ? (uint64_t)regs_result(&h->regs) : 0;
		if (made && halfway_is_short(r->pid, r->t->tid, &h->regs, h->done) &&
		    send_on(r, &h->regs, h->done + made))
			return;
		regs_set_call(&h->regs, -1, (long)(h->done + made));
	}
	r->live = r->t->regs = h->regs;
}

/* True where that is all there was to do. */
static bool repair_halfway(struct repair *r)
{
	struct halfway h;
	long made = regs_result(&r->live);

	if (halfway_look(&h, r->pid, r->t->tid, &r->live, r->memory)) {
		repair_detour(r, &h);
		return true;
	}
	return regs_is_behind_call(&r->live) && made > 0 &&
	       halfway_is_short(r->pid, r->t->tid, &r->live, 0) &&
	       send_on(r, &r->live, (uint64_t)made);
}

int repair_thread(pid_t pid, struct park_thread *t, struct park_memory *memory,
		  struct repair_list *late, struct err *err)
{
	struct repair r = { .pid = pid, .t = t, .live = t->regs, .memory = memory, .late = late };
	const struct user_regs_struct before = t->regs;

	r.nr = regs_call(&t->regs);
	if (!repair_halfway(&r)) {
		t->regs = r.live;
		if (r.nr < 0)
			return 0;
		if (r.nr == SYS_restart_syscall)
			r.nr = original_call(&r);
		r.call = calls_find(r.nr);
		r.now = tick_now();
		repair_call(&r);
	}
	if (regs_equal(&before, &r.live))
		return 0;
	return regs_set(t->tid, &r.live, err);
}

static void do_late(const struct repair_late *l, int64_t left)
{
	struct timespec ts = { left / 1000000000, left % 1000000000 };
	struct user_regs_struct regs;

	if (l->call->timeout == CALLS_REST_US)
		ts.tv_nsec /= 1000;
	if (l->call->timeout != CALLS_MS) {
		remote_write(l->tid, l->at, &ts, sizeof(ts), NULL);
	} else if (regs_get(l->tid, &regs, NULL) >= 0) {
		regs_set_arg(&regs, l->call->arg, (uint64_t)(left + 999999) / 1000000);
		regs_set(l->tid, &regs, NULL);
	}
}

void repair_list_do(const struct repair_list *late)
{
	int64_t now = tick_now();

	for (size_t i = 0; i < late->n; i++)
		do_late(&late->at[i],
			late->at[i].deadline_ns > now ? late->at[i].deadline_ns - now : 0);
}

void repair_list_done(struct repair_list *late)
{
	free(late->at);
	*late = (struct repair_list){ 0 };
}
