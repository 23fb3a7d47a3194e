/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/spawn.h"
#include "host/terminal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct spawn {
	char *const *argv;
	const struct signals *signals;
	bool own_group, foreground;
	uint64_t ignored;
	volatile int failed; /* errno of exec */
};

/* Between vfork and exec: in the parent's memory, so nothing is called that keeps state. */
static void __attribute__((noreturn)) spawn_exec(struct spawn *s)
{
	if (s->own_group)
		setpgid(0, 0);
	if (s->foreground)
		terminal_give(getpid());
	signals_restore(s->signals);
	for (int signo = 1; signo < 64; signo++)
		if (s->ignored >> (signo - 1) & 1)
			signal(signo, SIG_IGN);
	execvp(s->argv[0], s->argv);
	s->failed = errno;
	_exit(127);
}

/* vfork: no copy of our page tables, and the child's errno is simply ours to read. */
static pid_t __attribute__((noinline)) spawn_fork(struct spawn *s)
{
	pid_t pid = vfork();

	if (pid == 0)
		spawn_exec(s);
	return pid;
}

static int spawn_explain(const char *program, int failed, struct err *err)
{
	struct stat st;

	if (failed == EACCES && !stat(program, &st) && S_ISDIR(st.st_mode))
		return err_say(err, EISDIR, "'%s' is a directory", program);
	if (failed == ENOENT && !strchr(program, '/'))
		return err_say(err, ENOENT, "'%s': command not found", program);
	return err_set(err, failed, "cannot start '%s'", program);
}

int spawn_program(pid_t *pid, char *const *argv, const struct signals *signals,
		  const struct agent_options *options, struct err *err)
{
	bool own_group = options->stop_signals;
	struct spawn s = { .argv = argv,
			   .signals = signals,
			   .own_group = own_group,
			   .foreground = own_group && terminal_is_ours(),
			   .ignored = options->ignored_signals };

	*pid = spawn_fork(&s);
	if (*pid < 0)
		return err_set(err, errno, "fork");
	if (!s.failed)
		return 0;
	waitpid(*pid, NULL, 0);
	*pid = 0;
	if (s.foreground)
		terminal_give(getpgrp());
	return spawn_explain(argv[0], s.failed, err);
}
