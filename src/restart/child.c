/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/child.h"

#include "arch/stack.h"
#include "base/mem.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/fault.h"
#include "host/proc.h"
#include "restart/cycle.h"
#include "restart/mapped.h"
#include "restart/place.h"
#include "restart/spawn.h"
#include "restart/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CHILD_TIMER_IDS = 77, /* PR_TIMER_CREATE_RESTORE_IDS */
	CHILD_RSEQ_SIG = 0x53053053, /* glibc's, on this architecture */
	CHILD_RSEQ_UNREGISTER = 1,
	CHILD_PERSONALITY_ASK = -1,
	CHILD_CWD_MODE = 0700, /* of a working directory that had been removed */
};

/* glibc >= 2.35; absent in others, which do not register either. */
extern const ptrdiff_t __rseq_offset __attribute__((weak));
extern const unsigned int __rseq_size __attribute__((weak));

static const struct model *child_model(const struct child_context *c, size_t index)
{
	return image_reader_model(c->images[index]);
}

pid_t child_fork(struct child_context *c, size_t index, uint64_t flags)
{
	const struct kin *p = &c->kin.at[index];
	/* A sister's is ours, and must not be said. */
	int exit_signal = flags & CLONE_PARENT ? 0 : (int)p->exit_signal;
	/* Only a child that tells its end by SIGCHLD is a fork to the tracer, and seized for that. */
	pid_t pid = c->order ? cycle_fork(p->pid, order_last(c->order), CLONE_PTRACE | flags,
					  exit_signal)
			     : spawn_fork_when_free(p->pid, CLONE_PTRACE | flags, exit_signal);

	if (pid == 0)
		sharing_born(c->sharing, index);
	if (pid == 0)
		child_run(c, index);
	return pid;
}

static void child_write(const char *path, const char *text)
{
	OWNED_FD int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) /* a comfort: raising may not be allowed */
		(void)!write(fd, text, strlen(text));
}

static int child_enter(const struct child_context *c, const struct model *m, struct err *err)
{
	const char *cwd = model_string(m, m->process.cwd);
	OWNED_FD int removed = -1;

	if (m->process.cwd_file) {
		if (fchdir(res_restart_find(c->res, m->process.cwd_file)) < 0)
			return err_set(err, errno, "removed working directory '%s'", cwd);
		return 0;
	}
	if (access(cwd, F_OK) < 0 && text_ends(cwd, " (deleted)")) {
		removed = res_open_removed(cwd, CHILD_CWD_MODE, O_PATH | O_DIRECTORY | O_CLOEXEC,
					   err);
		if (removed < 0)
			return removed;
	}
	if ((removed < 0 ? chdir(cwd) : fchdir(removed)) < 0)
		return err_set(err, errno, "working directory '%s'", cwd);
	return 0;
}

/*
 * Whoever has none yet may set it; another one, who may do everything. Not if it is the same: that would
 * begin a new session of audit.
 */
static void child_login(const struct img_process *p)
{
	OWNED_FD int fd = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);
	char now[16] = "", then[16];

	if (fd < 0 || !(p->flags & IMG_PROC_LOGIN) || read(fd, now, sizeof(now) - 1) < 0)
		return;
	text_format(then, sizeof(then), "%u", p->loginuid);
	if (strcmp(now, then))
		(void)!pwrite(fd, then, strlen(then), 0);
}

static void child_attributes(const struct model *m)
{
	char text[32];

	text_format(text, sizeof(text), "%d", m->process.oom_score_adj);
	child_write("/proc/self/oom_score_adj", text);
	text_format(text, sizeof(text), "0x%x", m->process.coredump_filter);
	child_write("/proc/self/coredump_filter", text);
	child_login(&m->process);
}

/* By one of those who share it. */
static int child_directory(struct child_context *c, size_t index, struct err *err)
{
	const struct model *m = child_model(c, index);

	sharing_meet(c->sharing, SHARING_FS, index);
	if (!sharing_keeps(c->sharing, SHARING_FS, index))
		return 0;
	if (m->process.cwd.len && child_enter(c, m, err) < 0)
		return -err->num;
	umask((mode_t)m->process.umask);
	return 0;
}

/* When no path is opened any more: all are as we see them. The working directory may be outside of it. */
static int child_change_root(const struct child_context *c, size_t index, struct err *err)
{
	const struct model *m = child_model(c, index);
	const char *root = model_string(m, m->process.root);

	sharing_finish(c->sharing, SHARING_FS, index);
	if (!sharing_keeps(c->sharing, SHARING_FS, index))
		return 0;
	if (root[0] && strcmp(root, "/") && chroot(root) < 0)
		return err_set(err, errno, "root directory '%s'", root);
	return 0;
}

static void child_now(struct rebuild_now *now)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	OWNED_FD int groups = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
	char text[8] = "";
	long rc;

	getresuid(&now->uid[0], &now->uid[1], &now->uid[2]);
	getresgid(&now->gid[0], &now->gid[1], &now->gid[2]);
	sys2(__NR_capget, &head, data);
	now->cap_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	now->cap_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	now->cap_inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32;
	now->personality = (uint32_t)personality((unsigned long)CHILD_PERSONALITY_ASK);
	rc = sys3(__NR_sched_getaffinity, 0, sizeof(now->cpus), now->cpus);
	now->cpus_len = rc < 0 ? 0 : (size_t)rc;
	now->timer_ids = prctl(CHILD_TIMER_IDS, 0, 0, 0, 0) == 0;
	now->groups_denied = groups >= 0 && read(groups, text, 4) == 4 && !strcmp(text, "deny");
	for (unsigned int i = 0; i < 16; i++) {
		struct rlimit limit = { 0, 0 };

		getrlimit((__rlimit_resource_t)i, &limit);
		now->hard_limit[i] = limit.rlim_max;
	}
}

static int child_choose_vdso(struct rebuild *b, struct layout *layout, struct err *err)
{
	const struct img_ref bytes = b->m->machine.vdso;
	struct layout_areas old;
	size_t own_at = 0;
	void *copy;
	int rc;

	layout_image_areas(&old, b->m);
	b->own = layout->areas;
	if (!b->m->process.vdso_start || !b->own.n)
		return 0; /* REBUILD_VDSO_NONE */
	while (own_at < b->own.n && b->own.at[own_at].kind != IMG_VMA_VDSO)
		own_at++;
	if (own_at == b->own.n)
		return 0;
	if (layout_same_areas(&old, &b->own) &&
	    bytes.len <= b->own.at[own_at].end - b->own.at[own_at].start &&
	    mem_equal(model_bytes(b->m, bytes), (const void *)b->own.at[own_at].start, bytes.len)) {
		b->vdso = REBUILD_VDSO_SAME;
		return 0;
	}
	rc = layout_hole(layout, layout_areas_size(&b->own), &b->vdso_keep, err);
	if (rc < 0)
		return rc;
	copy = malloc(bytes.len + 1);
	if (!copy)
		return err_set(err, ENOMEM, "copy the old vdso");
	memcpy(copy, model_bytes(b->m, bytes), bytes.len);
	b->vdso = REBUILD_VDSO_FOREIGN;
	b->vdso_bytes = copy;
	b->vdso_size = bytes.len;
	return vdso_redirect(copy, bytes.len, (const void *)b->own.at[own_at].start,
			     b->own.at[own_at].end - b->own.at[own_at].start,
			     b->vdso_keep + b->own.at[own_at].start - layout_areas_start(&b->own),
			     err);
}

/* A region for the plan, in nobody's way, with room to park what is only being moved. */
static int child_region(struct rebuild *b, struct layout *layout, struct err *err)
{
	uint64_t start, parking;
	struct plan_size size;
	void *region;
	int rc;

	rebuild_size(&size, b->m,
		     b->nobjects + b->nwindows + b->ndropped + b->ntold + b->table->locks.n);
	size.parking = layout_areas_size(&b->own);
	for (size_t i = 0; i < b->nobjects; i++)
		size.parking += b->objects[i].size;
	for (size_t i = 0; i < b->nwindows; i++)
		size.parking += b->windows[i].size + COMMON_HUGE;
	rc = layout_hole(layout, plan_region_size(&size), &start, err);
	if (rc < 0)
		return rc;
	region = mmap((void *)start, plan_region_size(&size), PROT_READ | PROT_WRITE | PROT_EXEC,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
	if (region == MAP_FAILED)
		return err_set(err, errno, "map the restorer at 0x%llx", (unsigned long long)start);
	plan_init(&b->plan, region, &size, &parking);
	b->parking = parking;
	parking += layout_areas_size(&b->own);
	for (size_t i = 0; i < b->nobjects; i++) {
		b->objects[i].parked = parking;
		parking += b->objects[i].size;
	}
	for (size_t i = 0; i < b->nwindows; i++) {
		b->windows[i].parked =
			parking + ((b->windows[i].start - parking) & (COMMON_HUGE - 1));
		parking = b->windows[i].parked + b->windows[i].size;
	}
	return 0;
}

static int child_set_objects(const struct child_context *c, struct rebuild *b, struct err *err)
{
	b->objects = calloc(c->nobjects + 1, sizeof(*b->objects));
	if (!b->objects)
		return err_set(err, ENOMEM, "plan");
	memcpy(b->objects, c->objects, c->nobjects * sizeof(*b->objects));
	b->nobjects = c->nobjects;
	return 0;
}

/* What it has to know of its children, and of its parent. */
static int child_set_kin(const struct child_context *c, size_t index, struct rebuild *b,
			 struct err *err)
{
	const uint32_t told = IMG_PROC_STOPPED | IMG_PROC_STOP_TOLD;

	b->told = calloc(c->n, sizeof(*b->told));
	if (!b->told)
		return err_set(err, ENOMEM, "plan");
	for (size_t i = 0; i < c->n; i++) {
		const struct kin *p = &c->kin.at[i];

		if (p->pid == c->kin.at[index].ppid && p->flags & IMG_PROC_LEADER_EXITED)
			b->parent_ends = true;
		if (p->ppid != c->kin.at[index].pid)
			continue;
		b->hears |= p->flags & (IMG_PROC_STOPPED | IMG_PROC_CONTINUED);
		if ((p->flags & told) == told)
			b->told[b->ntold++] = p->pid;
	}
	return 0;
}

static struct rebuild_window child_window(const struct common_window *w)
{
	return (struct rebuild_window){ .start = w->start, .size = w->end - w->start, .at = w->at };
}

static int child_set_windows(const struct child_context *c, size_t index, struct rebuild *b,
			     struct err *err)
{
	const struct common_process *p = &c->common->processes[index];

	b->windows = calloc(c->common->nwindows + 1, sizeof(*b->windows));
	if (!b->windows)
		return err_set(err, ENOMEM, "plan");
	b->nwindows = c->common->nwindows;
	b->vma_window = p->window;
	b->dropped = p->dropped.at;
	b->ndropped = p->dropped.n;
	for (size_t i = 0; i < b->m->vmas.n; i++)
		if (p->window[i])
			b->windows[p->window[i] - 1] =
				child_window(&c->common->windows[p->window[i] - 1]);
	return 0;
}

/*
 * Threads whose ids must be taken as they come round are born before there is a plan; what they need of it
 * is there beforehand.
 */
static int child_write_early(struct rebuild *b, struct err *err)
{
	size_t n = b->m->threads.n ? b->m->threads.n - 1 : 0;
	struct layout layout = { 0 };
	int rc = layout_init(&layout, err);

	if (rc >= 0)
		rc = layout_reserve(&layout, b->m, err);
	b->own = layout.areas;
	if (rc >= 0)
		rc = child_region(b, &layout, err);
	layout_done(&layout);
	if (rc >= 0)
		b->early = plan_reserve(&b->plan, n * sizeof(*b->early));
	for (size_t i = 0; rc >= 0 && i < n && b->early; i++)
		b->early[i].tid = b->m->threads.at[i + 1].tid;
	return rc >= 0 && !b->early ? err_set(err, ENOSPC, "a restore plan of %zu threads", n) : rc;
}

static int child_write_plan(struct rebuild *b, struct err *err)
{
	struct layout layout = { 0 };
	int rc;

	child_now(&b->now);
	rc = layout_init(&layout, err);
	if (rc >= 0)
		rc = layout_reserve(&layout, b->m, err);
	if (rc >= 0)
		rc = child_choose_vdso(b, &layout, err);
	if (rc >= 0 && !b->early)
		rc = child_region(b, &layout, err);
	if (rc >= 0)
		rc = rebuild_plan(b, err);
	layout_done(&layout);
	return rc;
}

/* From here on nothing of libc may run. */
static void __attribute__((noreturn)) child_jump(const struct rebuild *b)
{
	struct plan_header *h = b->plan.header;

	if (&__rseq_offset && &__rseq_size) {
		char *rseq = (char *)__builtin_thread_pointer() + __rseq_offset;

		if (sys4(__NR_rseq, rseq, 32, CHILD_RSEQ_UNREGISTER, CHILD_RSEQ_SIG) < 0)
			sys4(__NR_rseq, rseq, __rseq_size, CHILD_RSEQ_UNREGISTER, CHILD_RSEQ_SIG);
	}
	sys1(__NR_set_tid_address, 0);
	sys2(__NR_set_robust_list, 0, 24);
	stack_jump(plan_leader_stack(&b->plan), (void (*)(void *, void *))h->code, h, NULL);
}

static void child_await(void *context, pid_t pid)
{
	place_await_process(context, pid);
}

/*
 * A child of the agent's, traced by it from birth, so that it ends as soon as nobody needs it. One that was
 * given an id of the program's gives way to another.
 */
static pid_t child_fork_shelf(void *context)
{
	struct child_context *c = context;
	struct child_shelves *s = c->shelves;
	pid_t pid = -EMFILE, spoilt = 0;

	while (s->n < CHILD_SHELVES_MAX) {
		pid = spawn_fork(0, CLONE_PARENT | CLONE_PTRACE, 0);
		if (spoilt > 0)
			kill(spoilt, SIGKILL);
		if (pid <= 0)
			break;
		s->pids[s->n++] = pid;
		if (!kin_want(c->images, c->n, pid))
			break;
		spoilt = pid;
		pid = -EAGAIN;
	}
	return pid;
}

/* In a process that the agent forked: everything that any process of its tree has a descriptor for. */
static int child_make_files(struct child_context *c, struct err *err)
{
	OWNED_PTR const struct model **models = calloc(c->n, sizeof(*models));
	int *const keep[] = { &c->go[0] };

	c->res = calloc(1, sizeof(*c->res));
	if (!models || !c->res)
		return err_set(err, ENOMEM, "make descriptors");
	for (size_t i = 0; i < c->n; i++)
		models[i] = child_model(c, i);
	c->res->own_mounts = c->own_mounts;
	c->res->await = child_await;
	c->res->fork_shelf = child_fork_shelf;
	c->res->context = c;
	/* What is made points at the list for as long as this process is ours. */
	return res_restart_make(c->res, owned_ptr_take(&models), c->n, c->options->std_fds, keep, 1,
				err);
}

/* What it has at its numbers; by one of those who share them. */
static int child_place_files(struct child_context *c, size_t index, struct err *err)
{
	int rc = 0;

	sharing_meet(c->sharing, SHARING_FILES, index);
	if (sharing_keeps(c->sharing, SHARING_FILES, index))
		rc = res_restart_place(c->res, child_model(c, index), err);
	if (rc >= 0)
		sharing_ready(c->sharing, SHARING_FILES, index);
	return rc;
}

/* What only the restart needed. */
static void child_close_files(struct child_context *c, size_t index)
{
	if (!sharing_keeps(c->sharing, SHARING_FILES, index))
		res_restart_drop(c->res);
	sharing_finish(c->sharing, SHARING_FILES, index);
	if (!sharing_keeps(c->sharing, SHARING_FILES, index))
		return;
	res_restart_done(c->res);
	close(c->go[0]);
}

static int child_open_files(struct child_context *c, size_t index, struct rebuild *b,
			    struct mapped *maps, struct err *err)
{
	int rc;

	maps->res = c->res;
	maps->table = b->table;
	rc = mapped_open(maps, b->m, err);
	if (rc >= 0)
		rc = mapped_open_exe(b, maps, err);
	child_close_files(c, index);
	b->vma_fd = maps->vma_fd;
	b->close = maps->opened;
	b->nclose = maps->nopened;
	return rc;
}

/*
 * What can be seen of it: its name, and whose it was, as far as that may be chosen here. An older image tells
 * neither.
 */
static void child_seem_like(const struct img_process *p)
{
	if (!p->comm[0])
		return;
	prctl(PR_SET_NAME, p->comm, 0, 0, 0);
	sys3(__NR_setresgid, p->gid[0], p->gid[1], p->gid[2]);
	sys3(__NR_setresuid, p->uid[0], p->uid[1], p->uid[2]);
}

/* Ignoring a pending signal forgets it. */
static void child_forget_signal(int sig)
{
	if (sig) {
		signal(sig, SIG_IGN);
		signal(sig, SIG_DFL);
	}
}

static bool child_has_ended(const struct child_context *c, size_t index, size_t of)
{
	return c->kin.at[index].ppid == c->kin.at[of].pid &&
	       c->kin.at[index].flags & IMG_PROC_ZOMBIE;
}

/*
 * Children that had ended end before anything goes on; the program has had its SIGCHLD for them, or whatever
 * signal clone(2) was told, or has it among its pending signals. (Those who have ended stay. One that ended
 * while SIGCHLD is ignored would not: so only when all have ended.)
 */
static void child_await_ended(struct child_context *c, size_t index)
{
	siginfo_t info;

	for (size_t i = 0; i < c->n; i++) {
		if (!child_has_ended(c, i, index))
			continue;
		place_await_child(c, i);
		while (waitid(P_PID, (id_t)c->kin.at[i].pid, &info, WEXITED | WNOWAIT | __WALL) <
			       0 &&
		       errno == EINTR)
			;
	}
	for (size_t i = 0; i < c->n; i++)
		if (child_has_ended(c, i, index))
			child_forget_signal((int)c->kin.at[i].exit_signal);
	child_forget_signal(SIGCHLD);
}

static int child_prepare(struct child_context *c, size_t index, struct err *err)
{
	size_t owner = sharing_owner(c->sharing, SHARING_FILES, index);
	struct rebuild b = { .m = child_model(c, index),
			     .table = child_model(c, owner),
			     .shared = sharing_is_group(c->sharing, SHARING_FILES, owner),
			     .exe_fd = -1 };
	struct mapped maps = { 0 };
	int rc = c->res ? 0 : child_make_files(c, err);

	fault_point("restart.child");
	if (rc >= 0)
		rc = child_set_objects(c, &b, err);
	if (rc >= 0)
		rc = child_set_windows(c, index, &b, err);
	if (rc >= 0)
		rc = child_set_kin(c, index, &b, err);
	if (rc >= 0 && c->order)
		rc = child_write_early(&b, err);
	if (rc >= 0)
		rc = place_take(c, index, &b, err);
	if (rc < 0)
		return rc;
	child_await_ended(c, index);
	child_attributes(b.m);
	rc = child_place_files(c, index, err);
	if (rc >= 0)
		rc = child_directory(c, index, err);
	if (rc >= 0)
		rc = child_open_files(c, index, &b, &maps, err);
	if (rc >= 0)
		rc = child_write_plan(&b, err);
	if (rc >= 0)
		rc = child_change_root(c, index, err);
	mapped_done(&maps);
	if (rc < 0)
		return rc;
	c->boards[index].header = (uintptr_t)b.plan.header;
	child_jump(&b);
}

/* What only the agent has: it is missed when that ends. */
static void child_leave_agent(struct child_context *c)
{
	owned_fd_done(&c->go[1]);
	owned_fd_done(&c->line);
	c->go[1] = c->line = -1;
}

void child_run_maker(struct child_context *c, size_t index)
{
	struct child_board *board = &c->boards[index];
	pid_t agent = getppid();
	char word;

	child_leave_agent(c);
	if (read(c->go[0], &word, 1) != 1)
		_exit(1);
	if (child_make_files(c, &board->err) < 0 || place_fork_top(c, agent, &board->err) < 0)
		_exit(1);
	fault_point("restart.made");
	_exit(0);
}

void child_run(struct child_context *c, size_t index)
{
	const struct img_process *p = &child_model(c, index)->process;
	struct child_board *board = &c->boards[index];
	char word;

	__atomic_store_n(&board->born, 1, __ATOMIC_RELEASE);
	/* Nothing happens before the agent has seized us, and nothing at all without it. */
	child_leave_agent(c);
	if (read(c->go[0], &word, 1) != 1)
		_exit(1);
	if (p->flags & IMG_PROC_ZOMBIE && place_take(c, index, NULL, &board->err) >= 0) {
		child_seem_like(p);
		proc_end_like((int)p->exit_code);
	}
	if (!board->err.num && child_prepare(c, index, &board->err) < 0 && !board->err.num)
		board->err.num = EIO;
	_exit(1);
}
