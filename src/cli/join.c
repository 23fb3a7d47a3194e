/* SPDX-License-Identifier: Apache-2.0 */
/* cairn launch --join: hand the program to the agent of a computation, and stand before it. */
#include "coord/join.h"
#include "base/owned.h"
#include "cli/command.h"
#include "cli/serve.h"
#include "coord/client.h"
#include "coord/launchable.h"
#include "host/proc.h"
#include "restart/front.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { JOIN_PATH_MAX = 2048 };

/* What there is to send, but for the texts. */
static void join_describe(struct join_program *p, const sigset_t *blocked)
{
	*p = (struct join_program){ .version = JOIN_VERSION };
	p->umask = umask(0);
	umask(p->umask);
	p->nice = getpriority(PRIO_PROCESS, 0);
	if (sched_getaffinity(0, sizeof(p->cpus), (cpu_set_t *)(void *)p->cpus))
		memset(p->cpus, 0, sizeof(p->cpus));
	for (int i = 0; i < JOIN_LIMITS; i++) {
		struct rlimit l = { 0 };

		getrlimit((__rlimit_resource_t)i, &l);
		p->limits[i].soft = l.rlim_cur;
		p->limits[i].hard = l.rlim_max;
	}
	for (int signo = 1; signo <= JOIN_SIGNALS; signo++) {
		struct sigaction action = { 0 };
		uint64_t bit = UINT64_C(1) << (signo - 1);

		if (!sigaction(signo, NULL, &action) && action.sa_handler == SIG_IGN)
			p->ignored |= bit;
		if (sigismember(blocked, signo) == 1)
			p->blocked |= bit;
	}
}

static uint32_t join_write_texts(FILE *f, char *const *list, size_t *bytes)
{
	uint32_t n = 0;

	for (; list[n]; n++) {
		size_t len = strlen(list[n]) + 1;

		fwrite(list[n], 1, len, f);
		*bytes += len;
	}
	return n;
}

/* A memfd with @p and the texts, or -errno. */
static int join_write(struct join_program *p, char *path, char **argv, struct err *err)
{
	char *paths[] = { path, NULL };
	OWNED_FD int fd = memfd_create("cairn-join", MFD_CLOEXEC);
	size_t bytes = 0;
	bool failed;
	FILE *f = fd < 0 ? NULL : fdopen(dup(fd), "w");

	if (!f)
		return err_set(err, errno, "hand the program over");
	fseek(f, sizeof(*p), SEEK_SET);
	join_write_texts(f, paths, &bytes);
	p->argc = join_write_texts(f, argv, &bytes);
	p->envc = join_write_texts(f, environ, &bytes);
	if (bytes > JOIN_BYTES_MAX)
		errno = E2BIG;
	p->bytes = (uint32_t)bytes;
	failed =
		bytes > JOIN_BYTES_MAX || fseek(f, 0, SEEK_SET) || fwrite(p, sizeof(*p), 1, f) != 1;
	failed = fclose(f) || failed;
	return failed ? err_set(err, errno, "hand the program over") : owned_fd_take(&fd);
}

/* main puts something close-on-exec where our caller had left a stream closed. */
static void join_streams(struct join_program *p, int fds[JOIN_FDS])
{
	for (int i = 0; i < 3; i++) {
		fds[i] = i;
		if (fcntl(i, F_GETFD) != 0)
			p->closed |= 1u << i;
	}
}

static int join_send(int line, const int fds[JOIN_FDS], struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(JOIN_FDS * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { .iov_base = (char[]){ 0 }, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(JOIN_FDS * sizeof(int));
	memcpy(CMSG_DATA(c), fds, JOIN_FDS * sizeof(int));
	if (sendmsg(line, &m, MSG_NOSIGNAL) != 1)
		return err_set(err, errno, "hand the program to the agent");
	client_wake(line);
	return 0;
}

static int join_hear(int line, struct join_answer *answer, struct err *err)
{
	ssize_t n;

	do {
		n = client_await(line, -1);
		if (n > 0)
			n = recv(line, answer, sizeof(*answer), 0);
	} while (n < 0 && errno == EINTR);
	if (n != sizeof(*answer))
		return err_say(err, ECONNRESET, "the agent has ended before it answered");
	answer->msg[sizeof(answer->msg) - 1] = '\0';
	return answer->num ? err_say(err, answer->num, "%s", answer->msg) : 0;
}

static int join_hand_over(int line, char *path, char **argv, const sigset_t *blocked,
			  struct join_answer *answer, struct err *err)
{
	OWNED_FD int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	OWNED_FD int program = -1;
	int fds[JOIN_FDS] = { [JOIN_CWD] = cwd };
	struct join_program p;

	if (cwd < 0)
		return err_set(err, errno, "working directory");
	join_describe(&p, blocked);
	join_streams(&p, fds);
	fds[JOIN_PROGRAM] = program = join_write(&p, path, argv, err);
	if (program < 0 || join_send(line, fds, err) < 0)
		return -err->num;
	return join_hear(line, answer, err);
}

/* Are we a process of that computation already? What we start is one, too. */
static bool join_is_below(int line)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	pid_t pid = getpid();

	if (getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	while (pid > 1 && pid != peer.pid)
		pid = (pid_t)proc_status_number(pid, "PPid", 10, 0);
	return pid > 0 && pid == peer.pid;
}

static int join_exec_failed(const struct err *err)
{
	fprintf(stderr, "cairn: %s\n", err->msg);
	return err->num == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_EXEC;
}

static void __attribute__((noreturn)) join_be_front(int line, const struct join_answer *answer)
{
	const struct front_building building = {
		.command = "cairn launch",
		.wake = client_wake,
		.ended = (int)sys2(__NR_pidfd_open, answer->pid, 0),
		.own_group = answer->own_group,
	};

	front_serve(line, false, &building);
}

static int __attribute__((noinline)) join_connect(const char *name, struct err *err)
{
	struct rundir_entry e;

	if (rundir_find(&e, name, err) < 0)
		return err_add(err, "nothing to join");
	return client_connect(&e, "join.sock", SOCK_SEQPACKET, err);
}

int join_program(const char *name, char **argv, struct err *err)
{
	struct join_answer answer = { 0 };
	sigset_t all, before;
	char path[JOIN_PATH_MAX];
	int line, rc;

	if (launchable_check_program(argv[0], err) < 0)
		return -err->num;
	line = join_connect(name, err);
	if (line < 0)
		return -err->num;
	if (join_is_below(line)) {
		execvp(argv[0], argv);
		err_set(err, errno, "cannot start '%s'", argv[0]);
		return join_exec_failed(err);
	}
	if (!launchable_find(path, sizeof(path), argv[0])) {
		err_say(err, ENOENT, "'%s': command not found", argv[0]);
		return join_exec_failed(err);
	}
	/* From the moment that the program can run they are its own, passed on by us. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	rc = join_hand_over(line, path, argv, &before, &answer, err);
	if (rc >= 0)
		join_be_front(line, &answer);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return answer.exec_failed ? join_exec_failed(err) : rc;
}
