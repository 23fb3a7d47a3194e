/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/explain.h"

#include "base/owned.h"
#include "host/procid.h"
#include "procfs/stat.h"
#include "procfs/status.h"
#include "procfs/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { /* among the flags of /proc/PID/stat */
       EXPLAIN_EXITING = 0x4, /* PF_EXITING */
       EXPLAIN_IO_WORKER = 0x10, /* PF_IO_WORKER */
};

/* Of what may be blocked, a worker of the kernel's blocks all; hardly any other thread does. */
#define EXPLAIN_ALL_BLOCKED UINT64_C(0xfffffffffffbfeff)

long explain_read(pid_t pid, pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	size_t len = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", procid_shown(pid),
		 procid_shown_thread(pid, tid), name);
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < size) {
		ssize_t n = read(fd, buf + len, size - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (long)len;
}

char explain_state(pid_t pid, pid_t tid)
{
	char buf[1024];
	struct stat_line stat;
	long len = explain_read(pid, tid, "stat", buf, sizeof(buf));

	if (len <= 0 || stat_parse(&stat, buf, (size_t)len, NULL) < 0)
		return 'X';
	return stat.state;
}

struct explain_brief { /* of the status of a thread */
	uint32_t mode, filters;
	uint64_t blocked;
};

static int explain_status(pid_t pid, pid_t tid, struct explain_brief *brief)
{
	char buf[3072];
	struct status status;
	long len = explain_read(pid, tid, "status", buf, sizeof(buf));

	if (len < 0)
		return (int)len;
	if (status_parse(&status, buf, (size_t)len, NULL) < 0)
		return -EPROTO;
	*brief = (struct explain_brief){ status.seccomp, status.seccomp_filters,
					 status.sig_blocked };
	return 0;
}

static bool explain_is_worker(pid_t pid, pid_t tid)
{
	char buf[1024];
	struct stat_line stat;
	long len = explain_read(pid, tid, "stat", buf, sizeof(buf));

	return len > 0 && stat_parse(&stat, buf, (size_t)len, NULL) >= 0 &&
	       stat.flags & EXPLAIN_IO_WORKER;
}

bool explain_has_own(uint32_t mode, uint32_t filters)
{
	struct explain_brief ours;

	/* In a container all have the container's filters, and so do we; one can only add to those. */
	return mode &&
	       (prctl(PR_GET_SECCOMP) == 0 || explain_status(getpid(), gettid(), &ours) < 0 ||
		mode != ours.mode || filters != ours.filters);
}

void explain_look(pid_t pid, pid_t tid, struct explain_look *look)
{
	struct explain_brief it;
	int rc = explain_status(pid, tid, &it);

	*look = (struct explain_look){ .filtered = true, .ended = rc == -ENOENT || rc == -ESRCH };
	if (rc < 0)
		return;
	look->worker = it.blocked == EXPLAIN_ALL_BLOCKED && explain_is_worker(pid, tid);
	look->filtered = explain_has_own(it.mode, it.filters);
}

bool explain_filtered(pid_t pid, pid_t tid)
{
	struct explain_look look;

	explain_look(pid, tid, &look);
	return look.filtered;
}

static void explain_name(pid_t pid, char *name, size_t size)
{
	long len = explain_read(pid, pid, "comm", name, size - 1);

	name[len > 0 ? len - 1 : 0] = '\0';
}

int explain_seize(pid_t pid, pid_t tid, int num, struct err *err)
{
	char buf[3072], name[32], other[32];
	struct status status;
	long len = explain_read(pid, tid, "status", buf, sizeof(buf));

	if (len < 0 || status_parse(&status, buf, (size_t)len, NULL) < 0)
		return len == -ENOENT || len == -ESRCH
			       ? -ESRCH
			       : err_set(err, num, "cannot stop process %d", pid);
	status.tracer_pid = procid_meant(status.tracer_pid);
	if (status.tracer_pid == gettid()) /* also where it has ended: we have to reap it */
		return -EBUSY;
	if (status.state == 'Z' || status.state == 'X')
		return -ESRCH;
	explain_name(pid, name, sizeof(name));
	if (status.tracer_pid) {
		explain_name(status.tracer_pid, other, sizeof(other));
		return err_say(
			err, EPERM,
			"process %d (%s) is being traced by process %d (%s): end that first, "
			"a process can have one tracer only",
			pid, name, status.tracer_pid, other);
	}
	if (status.uid[0] != getuid() || status.uid[1] != status.uid[0] ||
	    status.uid[2] != status.uid[0])
		return err_say(
			err, EPERM,
			"process %d (%s) runs with other rights than ours (setuid, or another "
			"user's): the kernel does not let us stop it",
			pid, name);
	return err_say(
		err, num,
		"process %d (%s) cannot be stopped: it has made itself non-dumpable, or this "
		"system forbids ptrace (see cairn doctor)",
		pid, name);
}

int explain_can_be_left_out(struct err *err)
{
	size_t len = strlen(err->msg);

	snprintf(err->msg + len, sizeof(err->msg) - len,
		 "; --ignore-uncontrolled checkpoints the others without it");
	return -err->num;
}

int explain_execs(pid_t pid, int64_t waited_ns, struct err *err)
{
	char name[32];

	explain_name(pid, name, sizeof(name));
	return err_say(
		err, ETIMEDOUT,
		"process %d (%s) is in an execve that has not come to its end within %lld ms: a "
		"thread of it is traced by another process, or its file is slow to be read; try "
		"again when that is over, or with a longer --timeout",
		pid, name, (long long)(waited_ns / 1000000));
}

int explain_stuck(pid_t pid, pid_t tid, int64_t waited_ns, struct err *err)
{
	char buf[2048], name[32], wchan[64] = "?";
	struct task_syscall call = { .nr = -1 };
	struct stat_line stat = { .state = '?' };
	long len;

	explain_name(pid, name, sizeof(name));
	len = explain_read(pid, tid, "stat", buf, sizeof(buf));
	if (len > 0)
		stat_parse(&stat, buf, (size_t)len, NULL);
	if (stat.flags & EXPLAIN_EXITING)
		return err_say(
			err, ETIMEDOUT,
			"process %d (%s), thread %d is ending and has not done so within %lld ms "
			"(much memory takes long to give back); try again when it is gone, or "
			"with a longer --timeout",
			pid, name, tid, (long long)(waited_ns / 1000000));
	len = explain_read(pid, tid, "syscall", buf, sizeof(buf));
	if (len > 0)
		task_parse_syscall(&call, buf, (size_t)len);
	if (call.nr < 0)
		return err_say(
			err, ETIMEDOUT,
			"process %d (%s), thread %d could not be stopped within %lld ms: state "
			"%c, at work in the kernel; try again once that is over, or with a longer "
			"--timeout",
			pid, name, tid, (long long)(waited_ns / 1000000), stat.state);
	len = explain_read(pid, tid, "wchan", wchan, sizeof(wchan) - 1);
	wchan[len > 0 ? len : 0] = '\0';
	return err_say(
		err, ETIMEDOUT,
		"process %d (%s), thread %d could not be stopped within %lld ms: state %c, "
		"system call %d, waiting in %s; try again once that is over, or with a longer "
		"--timeout",
		pid, name, tid, (long long)(waited_ns / 1000000), stat.state, call.nr, wchan);
}

bool explain_lives_untraced(pid_t pid)
{
	char buf[3072];
	struct status status;
	long len = explain_read(pid, pid, "status", buf, sizeof(buf));

	return len >= 0 && status_parse(&status, buf, (size_t)len, NULL) >= 0 &&
	       (status.state != 'Z' || status.threads > 1) &&
	       procid_meant(status.tracer_pid) != getpid();
}
