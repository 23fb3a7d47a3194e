/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a descriptor signals, by what signal, and which number that names. */
#include "live.h"

static volatile sig_atomic_t number;

static void note(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	number = info->si_fd;
}

/* To a process that has ended since. */
static void owned_by_none(int fd)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	LIVE_CHECK(!fcntl(fd, F_SETOWN, pid) && !fcntl(fd, F_SETSIG, SIGUSR2));
	LIVE_CHECK(!kill(pid, SIGKILL) && waitpid(pid, NULL, 0) == pid);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = note, .sa_flags = SA_SIGINFO };
	struct f_owner_ex thread = { F_OWNER_TID, getpid() }, got = { 0 };
	int ends[2], other[2], forgotten[2];

	LIVE_CHECK(!pipe(ends) && !pipe(other) && !pipe(forgotten));
	LIVE_CHECK(!sigaction(SIGRTMIN, &action, NULL));
	LIVE_CHECK(!fcntl(ends[0], F_SETOWN, getpid()) && !fcntl(ends[0], F_SETSIG, SIGRTMIN) &&
		   !fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK));
	LIVE_CHECK(!fcntl(other[0], F_SETOWN_EX, &thread));
	owned_by_none(forgotten[0]);
	live_ready();
	LIVE_EQUAL(fcntl(ends[0], F_GETOWN), getpid());
	LIVE_EQUAL(fcntl(ends[0], F_GETSIG), SIGRTMIN);
	LIVE_CHECK(write(ends[1], "x", 1) == 1);
	LIVE_EQUAL(number, ends[0]);
	LIVE_CHECK(!fcntl(other[0], F_GETOWN_EX, &got));
	LIVE_EQUAL(got.type, F_OWNER_TID);
	LIVE_EQUAL(got.pid, getpid());
	LIVE_EQUAL(fcntl(forgotten[0], F_GETSIG), SIGUSR2);
	return 0;
}
