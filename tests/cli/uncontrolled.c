/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program with a child that cannot be traced, and the one who traces such a child.
 *
 * "uncontrolled trace TID": trace that thread until input ends. Else: says its own id, and those of a child,
 * of that one's second thread and of its child; then answers what it is asked about them. With "hidden" the
 * child is not dumpable.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ends;

static void ended(int signo)
{
	(void)signo;
	ends++;
}

static int trace(pid_t tid)
{
	char c;

	if (ptrace(PTRACE_SEIZE, tid, 0, 0)) {
		perror("trace");
		return 1;
	}
	printf("traces\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}

static void *second(void *fd)
{
	pid_t ids[] = { gettid(), fork() };

	if (ids[1] && write(*(int *)fd, ids, sizeof(ids)) != sizeof(ids))
		abort();
	alarm(ids[1] ? 0 : 100); /* it outlives us */
	for (;;)
		pause();
}

/* Echoes what comes through the socket, as long as anybody is there. */
static void child(int pipe, int sock, int hidden)
{
	pthread_t t;
	char c;

	prctl(hidden ? PR_SET_DUMPABLE : PR_SET_PTRACER, hidden ? 0ul : PR_SET_PTRACER_ANY, 0, 0,
	      0);
	if (pthread_create(&t, NULL, second, &pipe))
		abort();
	while (read(sock, &c, 1) == 1 && write(sock, &c, 1) == 1)
		;
	_exit(3);
}

static const char *how(pid_t pid)
{
	static char text[32];
	int status;
	pid_t got = waitpid(pid, &status, WNOHANG);

	if (got == 0)
		return "runs";
	if (got < 0 || !WIFSIGNALED(status))
		return "ended";
	snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	return text;
}

/* Writing first where @say. */
static const char *hears(int fd, int say)
{
	char c = 'x';

	if (say && write(fd, &c, 1) != 1)
		return strerrorname_np(errno);
	switch (read(fd, &c, 1)) {
	case 1:
		return "a byte";
	case 0:
		return "end";
	default:
		return strerrorname_np(errno);
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = ended, .sa_flags = SA_RESTART };
	int fds[2], pair[2], hidden = argc == 2 && !strcmp(argv[1], "hidden");
	char line[32];
	pid_t ids[2], pid;

	if (argc == 3)
		return trace(atoi(argv[2]));
	sigaction(SIGCHLD, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (pipe(fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	pid = fork();
	if (!pid) {
		close(fds[0]);
		close(pair[0]);
		child(fds[1], pair[1], hidden);
	}
	close(fds[1]);
	close(pair[1]);
	if (read(fds[0], ids, sizeof(ids)) != sizeof(ids))
		return 1;
	printf("%d %d %d %d\n", getpid(), pid, ids[0], ids[1]);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (!strcmp(line, "how\n"))
			puts(how(pid));
		else if (!strcmp(line, "pipe\n"))
			puts(hears(fds[0], 0));
		else if (!strcmp(line, "sock\n"))
			puts(hears(pair[0], 1));
		else if (!strcmp(line, "ends\n"))
			printf("%d\n", (int)ends);
		fflush(stdout);
	}
	return 0;
}
