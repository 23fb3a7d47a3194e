/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a process as a whole. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/fault.h"
#include "host/proc.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "procfs/status.h"
#include "procfs/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PROCESS_PEEK = 16, /* signals asked for at once */
	PROCESS_NSIG = 64,
	PROCESS_TRIES = 4,
	PROCESS_EXE_MAX = 1 << 30, /* bytes of a program that is kept */
};

static int process_number(pid_t pid, const char *name, unsigned int base, uint64_t *value)
{
	OWNED_PTR char *text = NULL;
	const char *s;
	size_t len;
	bool negative;

	*value = 0;
	if (proc_read(pid, name, &text, &len, NULL) < 0)
		return -ENOENT;
	negative = text[0] == '-';
	s = text + negative;
	if (!text_scan(&s, text + len, base, value))
		return -EBADMSG;
	if (negative)
		*value = -*value;
	return 0;
}

static int process_link(struct capture *c, const char *name, struct img_ref *ref, struct err *err)
{
	char path[64], link[3800];
	ssize_t n;

	procid_path(path, sizeof(path), c->alive, name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return err_set(err, errno, "read link %s", path);
	link[n] = '\0';
	n = model_put_string(c->m, ref, link);
	return n < 0 ? err_set(err, (int)n, "keep %s", path) : 0;
}

/* A program whose file has been removed or replaced since it was started is kept with it. */
static int process_save_exe(struct capture *c, const char *via, const struct stat *seen,
			    struct err *err)
{
	const char *exe = model_string(c->m, c->m->process.exe);
	struct stat st;
	int fd, rc;

	if (!text_ends(exe, " (deleted)") ||
	    (stat(exe, &st) == 0 && st.st_dev == seen->st_dev && st.st_ino == seen->st_ino))
		return 0;
	if (seen->st_size > PROCESS_EXE_MAX)
		return err_say(
			err, EFBIG,
			"its program, '%s' of %lld bytes, has been removed or replaced: over 1 GiB "
			"is not kept",
			exe, (long long)seen->st_size);
	fd = open(via, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno,
			       "keep its program '%s', which has been removed or replaced", exe);
	rc = res_save_contents(c->m, &c->m->process.exe_data, fd, (uint64_t)seen->st_size, err);
	close(fd);
	return rc;
}

static int process_paths(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	char path[64];
	struct stat st;
	int rc = process_link(c, "exe", &p->exe, err);

	if (rc >= 0)
		rc = process_link(c, "cwd", &p->cwd, err);
	if (rc >= 0)
		rc = process_link(c, "root", &p->root, err);
	if (rc < 0)
		return rc;
	procid_path(path, sizeof(path), c->alive, "exe");
	if (stat(path, &st) == 0) {
		p->exe_dev = st.st_dev;
		p->exe_ino = st.st_ino;
		p->exe_size = (uint64_t)st.st_size;
		p->exe_mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
		return process_save_exe(c, path, &st, err);
	}
	return 0;
}

/*
 * With mlockall(MCL_FUTURE) all that is mapped is locked, the probe as well: more is locked than was before.
 * The kernel tells it in no other way.
 */
static bool process_locks_future(const struct capture *c, const struct status *status)
{
	uint64_t locked = 0;

	for (size_t i = 0; i < c->m->vmas.n; i++)
		if (c->m->vmas.at[i].flags & IMG_VMA_LOCKED)
			locked += c->m->vmas.at[i].end - c->m->vmas.at[i].start;
	return status->vm_locked > locked;
}

static int process_status(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	OWNED_PTR char *text = NULL;
	struct status status;
	size_t len;
	uint32_t gid;
	int rc = proc_read(c->alive, "status", &text, &len, err);

	if (rc >= 0)
		rc = status_parse(&status, text, len, err);
	if (rc < 0)
		return rc;
	memcpy(p->uid, status.uid, sizeof(p->uid));
	memcpy(p->gid, status.gid, sizeof(p->gid));
	p->umask = status.umask;
	p->flags |= process_locks_future(c, &status) ? IMG_PROC_LOCK_FUTURE : 0u;
	p->cap_inheritable = status.cap_inheritable;
	p->cap_permitted = status.cap_permitted;
	p->cap_effective = status.cap_effective;
	p->cap_bounding = status.cap_bounding;
	p->cap_ambient = status.cap_ambient;
	while (status_next_group(&status.groups, &gid)) {
		uint32_t *g = model_add(&c->m->groups);

		if (!g)
			return err_set(err, ENOMEM, "keep groups");
		*g = gid;
	}
	return 0;
}

static int process_read_stat(pid_t pid, struct stat_line *s, struct err *err)
{
	OWNED_PTR char *text = NULL;
	size_t len;
	int rc = proc_read(pid, "stat", &text, &len, err);

	return rc < 0 ? rc : stat_parse(s, text, len, err);
}

static int process_stat(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	long tick_ns = 1000000000L / sysconf(_SC_CLK_TCK);
	struct stat_line s, leader;
	int rc = process_read_stat(c->alive, &s, err);

	leader = s;
	if (rc >= 0 && c->parked->pid != c->alive)
		rc = process_read_stat(c->parked->pid, &leader, err);
	if (rc < 0)
		return rc;
	p->pid = c->parked->pid;
	p->ppid = procid_meant((pid_t)s.ppid);
	p->pgid = procid_is_foreign() ? getpgid(c->parked->pid) : (int32_t)s.pgrp;
	p->sid = procid_is_foreign() ? getsid(c->parked->pid) : (int32_t)s.session;
	if (s.tty_nr)
		p->flags |= IMG_PROC_SESSION_TTY;
	if (s.tty_nr && s.tpgid == s.pgrp)
		p->flags |= IMG_PROC_FOREGROUND;
	p->detour = c->parked->detour;
	p->exit_signal = (uint32_t)leader.exit_signal; /* other threads have none */
	p->exit_code = (uint32_t)leader.exit_code;
	p->start_code = s.start_code;
	p->end_code = s.end_code;
	p->start_stack = s.start_stack;
	p->start_data = s.start_data;
	p->end_data = s.end_data;
	p->start_brk = s.start_brk;
	p->arg_start = s.arg_start;
	p->arg_end = s.arg_end;
	p->env_start = s.env_start;
	p->env_end = s.env_end;
	p->utime_ns = (int64_t)s.utime * tick_ns;
	p->stime_ns = (int64_t)s.stime * tick_ns;
	return 0;
}

static int process_auxv(struct capture *c, struct err *err)
{
	OWNED_PTR char *text = NULL;
	size_t len;
	int rc = proc_read(c->alive, "auxv", &text, &len, err);

	if (rc < 0)
		return rc;
	rc = model_put_bytes(c->m, &c->m->process.auxv, text, len);
	return rc < 0 ? err_set(err, rc, "keep auxv") : 0;
}

/* A number or "unlimited" at column @at of line @index of /proc/PID/limits. */
static uint64_t process_limit_at(const char *text, unsigned int index, size_t at)
{
	while (index-- && (text = strchr(text, '\n')))
		text++;
	if (!text || strnlen(text, at) < at || text_starts(text + at, "unlimited"))
		return RLIM_INFINITY;
	return strtoull(text + at, NULL, 10);
}

/* Limits of another user's process are root's to read there, where prlimit wants CAP_SYS_RESOURCE. */
static int process_limit(const struct capture *c, unsigned int i, struct rlimit *limit,
			 struct err *err)
{
	enum { SOFT_AT = 26, HARD_AT = 47 };
	OWNED_PTR char *text = NULL;
	size_t len;
	int rc;

	if (prlimit(c->alive, (__rlimit_resource_t)i, NULL, limit) == 0)
		return 0;
	if (errno != EPERM)
		return err_set(err, errno, "limits");
	rc = proc_read(c->alive, "limits", &text, &len, err);
	if (rc < 0)
		return rc;
	/* A header, then a line each, in the order of their numbers. */
	limit->rlim_cur = process_limit_at(text, i + 1, SOFT_AT);
	limit->rlim_max = process_limit_at(text, i + 1, HARD_AT);
	return 0;
}

static int process_rlimits(struct capture *c, struct err *err)
{
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		struct img_rlimit *l = model_add(&c->m->rlimits);
		struct rlimit limit;

		if (!l)
			return err_set(err, ENOMEM, "keep limits");
		if (process_limit(c, i, &limit, err) < 0)
			return -err->num;
		*l = (struct img_rlimit){ i, 0, limit.rlim_cur, limit.rlim_max };
	}
	return 0;
}

static int process_pending(struct capture *c, pid_t tid, bool shared, struct err *err)
{
	siginfo_t info[PROCESS_PEEK];
	struct __ptrace_peeksiginfo_args args = {
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
		.nr = PROCESS_PEEK,
	};
	long n;

	while ((n = ptrace(PTRACE_PEEKSIGINFO, tid, &args, info)) > 0) {
		for (long i = 0; i < n; i++) {
			struct img_pending *p = model_add(&c->m->pending);

			if (!p)
				return err_set(err, ENOMEM, "keep pending signals");
			p->tid = shared ? 0 : tid;
			memcpy(p->siginfo, &info[i], sizeof(p->siginfo));
		}
		args.off += (uint64_t)n;
	}
	return n < 0 ? err_set(err, errno, "pending signals of thread %d", tid) : 0;
}

static int process_all_pending(struct capture *c, struct err *err)
{
	const struct park_process *p = c->parked;
	bool shared = false;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < p->nthreads; i++) {
		if (p->threads[i].exited)
			continue;
		if (!shared)
			rc = process_pending(c, p->threads[i].tid, shared = true, err);
		if (rc >= 0)
			rc = process_pending(c, p->threads[i].tid, false, err);
	}
	return rc;
}

/* For a test, which cannot else know that one does. */
static void process_let_timers_fire(void)
{
	const struct timespec moment = { .tv_nsec = 100000000 };

	if (fault_point("ckpt.pending"))
		nanosleep(&moment, NULL);
}

static int process_compare_timers(const void *a, const void *b)
{
	return ((const struct img_timer *)a)->id - ((const struct img_timer *)b)->id;
}

static int process_timers(struct capture *c, struct probe_report *report, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct timers_cursor cursor;
	struct timers_timer t;
	size_t len;

	/* Without CONFIG_CHECKPOINT_RESTORE there is no such file, and no program can be helped. */
	if (proc_read(c->alive, "timers", &text, &len, NULL) < 0)
		return 0;
	for (cursor = timers_over(text, len); timers_next(&cursor, &t);) {
		struct img_timer *timer = model_add(&c->m->timers);

		if (!timer)
			return err_set(err, ENOMEM, "keep POSIX timers");
		timer->id = t.id;
		timer->clock = (uint32_t)t.clock;
		timer->signo = (uint32_t)t.signo;
		timer->value = t.value;
		timer->tid = t.thread ? procid_meant(t.target) : 0;
		/* Numbers as sigevent has them; a thread target is SIGEV_THREAD_ID. */
		timer->notify = t.thread		  ? SIGEV_THREAD_ID
				: t.notify == TIMERS_NONE ? SIGEV_NONE
							  : SIGEV_SIGNAL;
	}
	if (c->m->timers.n) /* the kernel lists the newest first */
		qsort(c->m->timers.at, c->m->timers.n, sizeof(*c->m->timers.at),
		      process_compare_timers);
	report->ntimers = c->m->timers.n;
	report->timers = calloc(report->ntimers + 1, sizeof(*report->timers));
	if (!report->timers)
		return err_set(err, ENOMEM, "keep POSIX timers");
	for (size_t i = 0; i < report->ntimers; i++)
		report->timers[i].id = c->m->timers.at[i].id;
	return 0;
}

static void process_take_report(struct capture *c, const struct probe_report *r)
{
	struct img_process *p = &c->m->process;

	p->dumpable = (uint32_t)r->dumpable;
	p->securebits = (uint32_t)r->securebits;
	p->membarrier = r->membarrier > 0 ? (uint64_t)r->membarrier : 0;
	p->brk = r->brk;
	p->flags |= (r->subreaper ? IMG_PROC_SUBREAPER : 0u) |
		    (r->thp_disable ? IMG_PROC_THP_DISABLE : 0u) |
		    (r->keepcaps ? IMG_PROC_KEEPCAPS : 0u);
	for (int i = 0; i < 3; i++) {
		p->itimer_value_us[i] = r->itimer_value_us[i];
		p->itimer_interval_us[i] = r->itimer_interval_us[i];
	}
	for (size_t i = 0; i < r->ntimers; i++) {
		c->m->timers.at[i].left_ns = r->timers[i].left_ns;
		c->m->timers.at[i].interval_ns = r->timers[i].interval_ns;
		c->m->timers.at[i].overrun = r->timers[i].overrun;
	}
}

static int process_sigactions(struct capture *c, const struct probe_report *r, struct err *err)
{
	for (uint32_t signo = 1; signo <= PROCESS_NSIG; signo++) {
		struct img_sigaction *a;

		if (!r->sigactions[signo].handler && !r->sigactions[signo].flags &&
		    !r->sigactions[signo].mask)
			continue;
		a = model_add(&c->m->sigactions);
		if (!a)
			return err_set(err, ENOMEM, "keep signal actions");
		*a = (struct img_sigaction){ signo,
					     0,
					     r->sigactions[signo].handler,
					     r->sigactions[signo].flags,
					     r->sigactions[signo].restorer,
					     r->sigactions[signo].mask };
	}
	return 0;
}

/* What only the process can ask, through the probe. */
static int process_report(struct capture *c, struct err *err)
{
	struct probe_report report = { 0 };
	int rc = process_timers(c, &report, err);
	if (rc >= 0)
		rc = probe_collect(c->probe, &report, err);
	if (rc >= 0 && report.ldt)
		rc = err_say(
			err, ENOTSUP,
			"it has segments of its own (modify_ldt), which cannot be checkpointed");
	if (rc >= 0) {
		process_take_report(c, &report);
		rc = process_sigactions(c, &report, err);
	}
	if (rc >= 0)
		rc = capture_threads(c, &report, err);
	free(report.timers); /* ours, not the report's */
	report.timers = NULL;
	probe_report_done(&report);
	return rc;
}

/*
 * Signals and timers of one moment: a timer that fires after the pending signals were read and before it is
 * read itself would be in neither, and its program would wait for ever. Then once more: now it is pending.
 */
static int process_signals_and_timers(struct capture *c, struct err *err)
{
	size_t pending;
	int rc;

	for (int tries = 0; tries < PROCESS_TRIES; tries++) {
		c->m->pending.n = c->m->timers.n = c->m->sigactions.n = c->m->threads.n = 0;
		rc = process_all_pending(c, err);
		pending = c->m->pending.n;
		process_let_timers_fire();
		if (rc >= 0)
			rc = process_report(c, err);
		if (rc >= 0)
			rc = process_all_pending(c, err);
		if (rc < 0 || c->m->pending.n == 2 * pending)
			break;
	}
	if (rc < 0)
		return rc;
	/* Read twice: the second counts, as some timers are so quick that there is always one more. */
	c->m->pending.n -= pending;
	if (c->m->pending.n)
		memmove(c->m->pending.at, c->m->pending.at + pending,
			c->m->pending.n * sizeof(*c->m->pending.at));
	return 0;
}

int capture_process(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	uint64_t value;
	int rc = process_stat(c, err);

	if (rc < 0)
		return rc;
	if (c->parked->pid == c->root)
		p->flags |= IMG_PROC_ROOT;
	if (c->parked->zombie) {
		p->flags |= IMG_PROC_ZOMBIE;
		if (c->parked->skipped) { /* what a restart makes of it */
			p->flags &= ~(uint32_t)IMG_PROC_FOREGROUND;
			p->exit_code = SIGKILL;
		}
		return 0;
	}
	if (c->parked->nthreads && c->parked->threads[0].group_stopped) {
		p->flags |= IMG_PROC_STOPPED;
		p->stop_signal = SIGSTOP;
	}
	if (c->parked->nthreads && c->parked->threads[0].exited)
		p->flags |= IMG_PROC_LEADER_EXITED;
	if (process_number(c->alive, "personality", 16, &value) == 0)
		p->personality = (uint32_t)value;
	if (process_number(c->alive, "coredump_filter", 16, &value) == 0)
		p->coredump_filter = (uint32_t)value;
	if (process_number(c->alive, "oom_score_adj", 10, &value) == 0)
		p->oom_score_adj = (int32_t)value;
	rc = process_status(c, err);
	if (rc >= 0)
		rc = process_paths(c, err);
	if (rc >= 0)
		rc = process_auxv(c, err);
	if (rc >= 0)
		rc = process_rlimits(c, err);
	return rc < 0 ? rc : process_signals_and_timers(c, err);
}
