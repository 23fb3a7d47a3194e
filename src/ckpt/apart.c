/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes processes less, or more, than processes: namespaces of their own, memory that two of them share
 * by clone(2), parts that only some threads of one share. None of it can be brought back, and without it the
 * program would go on somewhere else than it was. Looked for from outside, before anything is touched.
 */
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "ckpt/capture.h"
#include "host/procid.h"
#include "host/threads.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <unistd.h>

enum {
	APART_PID = 3,
	APART_PID_CHILDREN,
};

static const struct {
	const char *file, *word;
} apart_kinds[APART_KINDS] = {
	{ "user", "user" },
	{ "mnt", "mount" },
	{ "net", "network" },
	[APART_PID] = { "pid", "process id" },
	[APART_PID_CHILDREN] = { "pid_for_children", "process id (for its children)" },
	{ "ipc", "IPC" },
	{ "uts", "UTS (host name)" },
	{ "cgroup", "cgroup" },
	{ "time_for_children", "time" },
};

void apart_look(struct apart_namespaces *ns, pid_t pid)
{
	char path[64] = "/proc/self/ns";
	OWNED_FD int dir = -1;

	if (pid)
		procid_path(path, sizeof(path), pid, "ns");
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < APART_KINDS; i++) {
		ssize_t n = dir < 0 ? -1
				    : readlinkat(dir, apart_kinds[i].file, ns->link[i],
						 APART_LINK_MAX - 1);

		ns->link[i][n < 0 ? 0 : n] = '\0';
	}
}

/* What is looked at for each process. */
struct apart {
	const struct park *park;
	const struct ahead *ahead;
	const struct sharers *sharers;
	struct apart_namespaces own;
};

static int apart_check_namespaces(const struct apart_namespaces *own, pid_t pid, struct err *err)
{
	struct apart_namespaces its;

	apart_look(&its, pid);
	if (!its.link[APART_PID][0])
		return 0; /* has ended, or tells nobody */
	for (size_t i = 0; i < APART_KINDS; i++)
		if ((its.link[i][0] || i == APART_PID_CHILDREN) && own->link[i][0] &&
		    strcmp(its.link[i], own->link[i]))
			return err_say(err, ENOTSUP,
				       "process %d has another %s namespace than the agent, which "
				       "cannot be made again; start cairn inside of it",
				       pid, apart_kinds[i].word);
	return 0;
}

bool capture_at_home(const struct apart_namespaces *own, pid_t pid)
{
	struct err ignored = ERR_INIT;

	return apart_check_namespaces(own, pid, &ignored) >= 0;
}

static bool apart_same(pid_t a, pid_t b, int what)
{
	/* Where kcmp is refused nothing is known, and nothing said. */
	return sys5(__NR_kcmp, a, b, what, 0, 0) == 0;
}

bool capture_shares_memory(pid_t pid, pid_t other)
{
	return apart_same(pid, other, KCMP_VM);
}

static int apart_check_memory(const struct apart *a, size_t i, struct err *err)
{
	const struct park_process *all = a->park->processes;
	size_t first = a->sharers->first[NOTES_MEMORY][i];

	if (first == i)
		return 0;
	return err_say(err, ENOTSUP,
		       "processes %d and %d share their memory (CLONE_VM) without being threads of "
		       "one process, which cannot be checkpointed",
		       all[first].pid, all[i].pid);
}

static bool apart_differs(pid_t a, pid_t b, int what)
{
	return sys5(__NR_kcmp, a, b, what, 0, 0) > 0;
}

/* After unshare(2) in one of them. */
static int apart_check_threads(const struct park_process *p, pid_t alive, struct err *err)
{
	for (size_t i = 0; i < p->nthreads; i++) {
		pid_t tid = p->threads[i].tid;
		const char *what = NULL;

		if (p->threads[i].exited || tid == alive)
			continue;
		if (apart_differs(alive, tid, KCMP_FILES))
			what = "descriptors";
		else if (apart_differs(alive, tid, KCMP_FS))
			what = "a working directory";
		if (what)
			return err_say(err, ENOTSUP,
				       "thread %d of process %d has %s of its own (unshare), which "
				       "cannot be checkpointed",
				       tid, p->pid, what);
	}
	return 0;
}

static int apart_check(void *arg, size_t i, struct err *err)
{
	const struct apart *a = arg;
	const struct park_process *p = &a->park->processes[i];
	const struct ahead_process *known;
	pid_t alive = park_alive(p);
	int rc = 0;

	if (p->zombie)
		return 0;
	known = ahead_find(a->ahead, p);
	if (!known || !known->at_home)
		rc = apart_check_namespaces(&a->own, alive, err);
	if (rc >= 0)
		rc = apart_check_memory(a, i, err);
	return rc < 0 ? rc : apart_check_threads(p, alive, err);
}

int capture_refuse_apart(const struct park *park, const struct ahead *ahead,
			 const struct sharers *sharers, int workers, struct err *err)
{
	struct apart a = { .park = park, .ahead = ahead, .sharers = sharers };

	apart_look(&a.own, 0);
	return threads_each(apart_check, &a, park->nprocesses, workers, err);
}
