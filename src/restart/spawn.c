/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/spawn.h"

#include "base/owned.h"
#include "base/sys.h"
#include "restart/kin.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	SPAWN_TRIES = 200,
	SPAWN_PATIENCE = 5000, /* ticks until who has taken an id is gone: mostly a moment */
	SPAWN_TICK_NS = 1000000,
};

/* A container's filter may answer ENOSYS, so that programs take the call whose flags it can look at. */
static pid_t spawn_clone(const struct clone_args *args)
{
	return (pid_t)sys5(__NR_clone, args->flags | args->exit_signal, 0, 0, args->child_tid, 0);
}

pid_t spawn_fork(pid_t want, uint64_t flags, int exit_signal)
{
	struct clone_args args = { .flags = flags, .exit_signal = (unsigned int)exit_signal };
	uint64_t tid_address = 0;

	if (want) {
		args.set_tid = (uintptr_t)&want;
		args.set_tid_size = 1;
	}
	/*
	 * The word the kernel clears at the end of a thread is, in glibc, the one that holds its id:
	 * have the kernel write it in the child, as glibc's own fork does.
	 */
	if (prctl(PR_GET_TID_ADDRESS, &tid_address) == 0 && tid_address) {
		args.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
		args.child_tid = tid_address;
	}
	/* The kernel frees an id a moment after its last user has been waited for: see restorer.c. */
	for (int i = 0;; i++) {
		long pid = sys2(__NR_clone3, &args, sizeof(args));

		if (pid == -ENOSYS && !want)
			return spawn_clone(&args);
		if (pid != -EEXIST || i == SPAWN_TRIES || kill(want, 0) == 0 || errno != ESRCH)
			return (pid_t)pid;
		nanosleep(&(struct timespec){ .tv_nsec = SPAWN_TICK_NS }, NULL);
	}
}

pid_t spawn_fork_when_free(pid_t want, uint64_t flags, int exit_signal)
{
	pid_t pid = -EEXIST;

	for (int i = 0; pid == -EEXIST && i < SPAWN_PATIENCE; i++) {
		if (i)
			nanosleep(&(struct timespec){ .tv_nsec = SPAWN_TICK_NS }, NULL);
		pid = spawn_fork(want, flags, exit_signal);
	}
	return pid;
}

int spawn_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}

/* The placeholder: lead a group until the other end of the line is closed. */
static void __attribute__((noreturn)) spawn_hold_group(int ready)
{
	char c = 0;

	setpgid(0, 0);
	if (write(ready, &c, 1) == 1)
		(void)!read(ready, &c, 1);
	_exit(0);
}

int spawn_join_group(pid_t pgid)
{
	int line[2];
	char c;
	pid_t pid;
	int rc;

	if (getpgrp() == pgid || setpgid(0, pgid) == 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line) < 0)
		return -errno;
	pid = spawn_fork(pgid, 0, 0);
	if (pid == 0) {
		close(line[0]);
		spawn_hold_group(line[1]);
	}
	close(line[1]);
	rc = pid;
	if (pid > 0) {
		if (read(line[0], &c, 1) != 1)
			rc = -EPIPE;
		else if (setpgid(0, pgid) < 0)
			rc = -errno;
	}
	close(line[0]); /* which ends the placeholder */
	if (pid > 0)
		spawn_wait(pid);
	return rc < 0 ? rc : 0;
}

pid_t spawn_fork_beside(struct image_reader *const *images, size_t n)
{
	pid_t pid;

	while ((pid = spawn_fork(0, 0, SIGCHLD)) > 0 && kin_want(images, n, pid))
		spawn_wait(pid);
	if (pid == 0 && kin_want(images, n, getpid()))
		_exit(0);
	return pid;
}
