/* SPDX-License-Identifier: Apache-2.0 */
/* What belongs to a process as a whole. */
#include "base/owned.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/proc.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "procfs/status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PROCESS_EXE_MAX = 1 << 30, /* bytes of a program that is kept */
};

static int process_number(pid_t pid, const char *name, unsigned int base, uint64_t *value)
{
	OWNED_PTR char *text = NULL;
	const char *s;
	size_t len;
	bool negative;

	*value = 0;
	if (proc_read_record(pid, name, &text, &len, NULL) < 0)
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
	struct status *status = &c->status;
	OWNED_PTR char *text = NULL;
	struct scan groups;
	size_t len;
	uint32_t gid;
	int rc = proc_read_record(c->alive, "status", &text, &len, err);

	if (rc >= 0)
		rc = status_parse(status, text, len, err);
	if (rc < 0)
		return rc;
	memcpy(p->uid, status->uid, sizeof(p->uid));
	memcpy(p->gid, status->gid, sizeof(p->gid));
	p->umask = status->umask;
	p->flags |= process_locks_future(c, status) ? IMG_PROC_LOCK_FUTURE : 0u;
	p->cap_inheritable = status->cap_inheritable;
	p->cap_permitted = status->cap_permitted;
	p->cap_effective = status->cap_effective;
	p->cap_bounding = status->cap_bounding;
	p->cap_ambient = status->cap_ambient;
	groups = status->groups;
	status->groups = (struct scan){ 0 }; /* its text is ours */
	while (status_next_group(&groups, &gid)) {
		uint32_t *g = model_add(&c->m->groups);

		if (!g)
			return err_set(err, ENOMEM, "keep groups");
		*g = gid;
	}
	return 0;
}

static int process_stat(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	long tick_ns = 1000000000L / sysconf(_SC_CLK_TCK);
	struct stat_line leader = c->parked->stat, s;
	int rc = 0;

	if (c->parked->skipped) /* it has gone on since then */
		rc = proc_stat(c->parked->pid, &leader, err);
	s = leader;
	if (rc >= 0 && c->parked->pid != c->alive)
		rc = proc_stat(c->alive, &s, err);
	if (rc < 0)
		return rc;
	memcpy(c->comm, s.comm, sizeof(c->comm) - 1);
	p->pid = c->parked->pid;
	p->ppid = procid_meant((pid_t)s.ppid);
	p->pgid = procid_is_foreign() ? getpgid(c->parked->pid) : (int32_t)s.pgrp;
	p->sid = procid_is_foreign() ? getsid(c->parked->pid) : (int32_t)s.session;
	c->task_flags = s.flags;
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
	int rc = proc_read_record(c->alive, "auxv", &text, &len, err);

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
	rc = proc_read_record(c->alive, "limits", &text, &len, err);
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

/* What can be seen of one that has ended; what a restart makes of one that was left out. */
static int process_ended(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	int rc = process_status(c, err);

	if (rc < 0)
		return rc;
	memcpy(p->comm, c->comm, sizeof(p->comm));
	p->flags |= IMG_PROC_ZOMBIE;
	if (c->parked->skipped) {
		p->flags &= ~(uint32_t)IMG_PROC_FOREGROUND;
		p->exit_code = SIGKILL;
	}
	return 0;
}

static void process_numbers(struct capture *c)
{
	struct img_process *p = &c->m->process;
	uint64_t value;

	if (process_number(c->alive, "personality", 16, &value) == 0)
		p->personality = (uint32_t)value;
	if (process_number(c->alive, "coredump_filter", 16, &value) == 0)
		p->coredump_filter = (uint32_t)value;
	if (process_number(c->alive, "oom_score_adj", 10, &value) == 0)
		p->oom_score_adj = (int32_t)value;
	/* Kernels without audit have none. */
	if (process_number(c->alive, "loginuid", 10, &value) == 0) {
		p->loginuid = (uint32_t)value;
		p->flags |= IMG_PROC_LOGIN;
	}
}

int capture_process(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	int rc = process_stat(c, err);

	if (rc < 0)
		return rc;
	if (c->parked->pid == c->root)
		p->flags |= IMG_PROC_ROOT;
	if (c->parked->zombie)
		return process_ended(c, err);
	if (park_stopped(c->parked)) {
		p->flags |= IMG_PROC_STOPPED;
		if (!p->stop_signal) /* else its parent knows better */
			p->stop_signal = SIGSTOP;
	}
	if (c->parked->nthreads && c->parked->threads[0].exited)
		p->flags |= IMG_PROC_LEADER_EXITED;
	process_numbers(c);
	rc = process_status(c, err);
	if (rc >= 0)
		rc = process_paths(c, err);
	if (rc >= 0)
		rc = process_auxv(c, err);
	if (rc >= 0)
		rc = process_rlimits(c, err);
	return rc;
}

int capture_removed_cwd(struct capture *c, struct err *err)
{
	struct img_process *p = &c->m->process;
	OWNED_PTR char *cwd = NULL;
	struct stat seen, st;
	char path[64];

	if (!text_ends(model_string(c->m, p->cwd), " (deleted)"))
		return 0;
	cwd = strdup(model_string(c->m, p->cwd));
	if (!cwd)
		return err_set(err, ENOMEM, "keep the working directory");
	procid_path(path, sizeof(path), c->alive, "cwd");
	if (stat(path, &seen) < 0 ||
	    (stat(cwd, &st) == 0 && st.st_dev == seen.st_dev && st.st_ino == seen.st_ino))
		return 0;
	return res_capture_removed(c->res, c->m, cwd, &seen, &p->cwd_file, err);
}
