/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/join_start.h"
#include "base/owned.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between vfork and exec, in our memory. */
struct join_child {
	const struct join_start *start;
	const struct signals *signals;
	pid_t group; /* to be in; 0: one of its own */
	char **script; /* argv for a shell, where the file is a script without an interpreter */
	volatile int failed; /* errno */
};

static int join_start_take_fds(struct join_start *s, struct msghdr *m, struct err *err)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(m);
	size_t n = 0;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	if (n)
		memcpy(s->fds, CMSG_DATA(c), n * sizeof(int));
	for (size_t i = n; i < JOIN_FDS; i++)
		s->fds[i] = -1;
	if (n != JOIN_FDS || m->msg_flags & MSG_CTRUNC)
		return err_say(err, EPROTO, "what was sent to join makes no sense");
	return 0;
}

/* A list of pointers to the next @n texts; NULL where there are not so many. */
static char **join_start_list(char **at, const char *end, uint32_t n)
{
	char **list = calloc((size_t)n + 1, sizeof(*list));

	if (!list)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (*at >= end) {
			free(list);
			return NULL;
		}
		list[i] = *at;
		*at += strlen(*at) + 1;
	}
	return list;
}

static int join_start_parse(struct join_start *s, struct err *err)
{
	const struct join_program *p = &s->program;
	ssize_t size = sizeof(s->program);
	char *at, *end;

	if (pread(s->fds[JOIN_PROGRAM], &s->program, sizeof(s->program), 0) != size)
		return err_say(err, EPROTO, "what was sent to join makes no sense");
	if (p->version != JOIN_VERSION)
		return err_say(err, EPROTO, "the agent is of another version of cairn");
	if (!p->bytes || p->bytes > JOIN_BYTES_MAX || !p->argc || p->argc > p->bytes ||
	    p->envc > p->bytes)
		return err_say(err, E2BIG, "arguments and environment");
	s->texts = malloc(p->bytes);
	if (!s->texts)
		return err_set(err, ENOMEM, "arguments and environment");
	if (pread(s->fds[JOIN_PROGRAM], s->texts, p->bytes, size) != (ssize_t)p->bytes ||
	    s->texts[p->bytes - 1])
		return err_say(err, EPROTO, "what was sent to join makes no sense");
	end = s->texts + p->bytes;
	s->path = s->texts;
	at = s->texts + strlen(s->texts) + 1;
	s->argv = join_start_list(&at, end, p->argc);
	s->env = s->argv ? join_start_list(&at, end, p->envc) : NULL;
	return s->env ? 0 : err_say(err, EPROTO, "what was sent to join makes no sense");
}

int join_start_receive(struct join_start *s, int line, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(JOIN_FDS * sizeof(int))];
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    /* Not its whole size: rounded up, that may hold one descriptor more. */
			    .msg_controllen = CMSG_LEN(JOIN_FDS * sizeof(int)) };
	ssize_t n = recvmsg(line, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	for (int i = 0; i < JOIN_FDS; i++)
		s->fds[i] = -1;
	if (n < 0)
		return errno == EAGAIN ? -EAGAIN : err_set(err, errno, "hear who joins");
	if (join_start_take_fds(s, &m, err) < 0)
		return -err->num;
	return join_start_parse(s, err);
}

void join_start_done(struct join_start *s)
{
	for (int i = 0; i < JOIN_FDS; i++)
		owned_fd_done(&s->fds[i]);
	free(s->texts);
	free(s->argv);
	free(s->env);
	*s = (struct join_start){ .fds = { -1, -1, -1, -1, -1 } };
}

static void join_start_limits(const struct join_program *p)
{
	for (int i = 0; i < JOIN_LIMITS; i++) {
		struct rlimit l = { p->limits[i].soft, p->limits[i].hard }, ours;

		if (!setrlimit((__rlimit_resource_t)i, &l) ||
		    getrlimit((__rlimit_resource_t)i, &ours))
			continue;
		/* Ours are lower, and not to be raised. */
		l.rlim_max = ours.rlim_max;
		l.rlim_cur = l.rlim_cur < l.rlim_max ? l.rlim_cur : l.rlim_max;
		setrlimit((__rlimit_resource_t)i, &l);
	}
}

static bool join_start_knows_cpus(const struct join_program *p)
{
	for (int i = 0; i < JOIN_CPU_WORDS; i++)
		if (p->cpus[i])
			return true;
	return false;
}

static void join_start_signals(const struct join_program *p, const struct signals *signals)
{
	sigset_t blocked;

	signals_restore(signals);
	sigemptyset(&blocked);
	for (int signo = 1; signo <= JOIN_SIGNALS; signo++) {
		if (p->blocked >> (signo - 1) & 1)
			sigaddset(&blocked, signo);
		signal(signo, p->ignored >> (signo - 1) & 1 ? SIG_IGN : SIG_DFL);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

static void join_start_streams(const struct join_start *s)
{
	for (int i = 0; i < 3; i++)
		if (s->program.closed >> i & 1)
			close(i);
		else
			dup2(s->fds[i], i);
}

static void __attribute__((noreturn)) join_start_exec(struct join_child *c)
{
	const struct join_start *s = c->start;
	const struct join_program *p = &s->program;

	if (setpgid(0, c->group))
		setpgid(0, 0);
	join_start_streams(s);
	join_start_limits(p);
	setpriority(PRIO_PROCESS, 0, p->nice);
	if (join_start_knows_cpus(p))
		sched_setaffinity(0, sizeof(p->cpus), (const cpu_set_t *)(const void *)p->cpus);
	umask(p->umask);
	join_start_signals(p, c->signals);
	if (fchdir(s->fds[JOIN_CWD]) == 0) {
		execve(s->path, s->argv, s->env);
		if (errno == ENOEXEC)
			execve(c->script[0], c->script, s->env);
	}
	c->failed = errno;
	_exit(127);
}

/* vfork: no copy of our page tables, and the child's errno is simply ours to read. */
static pid_t __attribute__((noinline)) join_start_fork(struct join_child *c)
{
	pid_t pid = vfork();

	if (pid == 0)
		join_start_exec(c);
	return pid;
}

/* The group of who is behind @line, where it is one that a child of ours can be in. */
static pid_t join_start_group(int line)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &len) || peer.pid <= 0 ||
	    getsid(peer.pid) != getsid(0))
		return 0;
	return getpgid(peer.pid);
}

int join_start_run(struct join_start *s, int line, const struct signals *signals, struct err *err)
{
	size_t argc = s->program.argc;
	OWNED_PTR char **script = calloc(argc + 2, sizeof(*script));
	struct join_child c = {
		.start = s, .signals = signals, .group = join_start_group(line), .script = script
	};

	if (!script)
		return err_set(err, ENOMEM, "start '%s'", s->path);
	script[0] = (char[]){ "/bin/sh" };
	script[1] = s->texts;
	memcpy(script + 2, s->argv + 1, (argc - 1) * sizeof(*script));
	s->pid = join_start_fork(&c);
	if (s->pid < 0)
		return err_set(err, errno, "fork");
	s->own_group = getpgid(s->pid) != c.group;
	if (!c.failed)
		return 0;
	waitpid(s->pid, NULL, 0);
	s->pid = 0;
	s->exec_failed = true;
	return err_set(err, c.failed, "cannot start '%s'", s->path);
}
