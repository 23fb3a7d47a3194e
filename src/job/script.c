/* SPDX-License-Identifier: Apache-2.0 */
#include "job/script.h"

#include "base/owned.h"
#include "host/fault.h"
#include "host/proc.h"
#include "job/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t script_parent(pid_t pid)
{
	return (pid_t)proc_status_number(pid, "PPid", 10, 0);
}

bool script_find(struct script *s)
{
	struct sigaction interrupt;
	char name[32];

	s->pid = 0;
	/* What a shell starts with & is deaf to it. */
	sigaction(SIGINT, NULL, &interrupt);
	s->waits = interrupt.sa_handler != SIG_IGN;
	for (pid_t pid = getppid(), above; pid > 1; pid = above) {
		above = script_parent(pid);
		if (!proc_status_text(pid, "Name", name, sizeof(name)) ||
		    !strcmp(name, "slurmstepd"))
			return false; /* we are what Slurm has started: its signals reach us */
		if (!strcmp(name, "cairn"))
			return false; /* as in a container: they come through that one */
		if (above > 1 && proc_status_text(above, "Name", name, sizeof(name)) &&
		    !strcmp(name, "slurmstepd")) {
			s->pid = pid;
			return true;
		}
	}
	return false;
}

int script_keep(const struct script *s)
{
	OWNED_FD int from = -1;
	int line[2], rc = -EIO;
	pid_t run = getpid(), pid;

	if (fault_point("job.keep"))
		return -EPERM;
	if (pipe2(line, O_CLOEXEC) < 0)
		return -errno;
	from = line[0];
	pid = fork();
	if (!pid) {
		/* Not our child: what is below us belongs to the computation. */
		pid = fork();
		if (!pid)
			keeper_run(s, run, line[1]);
		_exit(0);
	}
	close(line[1]);
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	while (read(from, &rc, sizeof(rc)) < 0 && errno == EINTR)
		;
	return rc;
}
