/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve.h"
#include "cli/command.h"
#include "restart/front.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int serve_apart(int *line, struct err *err)
{
	struct front_building building = { .command = "cairn run", .ends = true };
	sigset_t all, before;
	int lines[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, lines) < 0)
		return err_set(err, errno, "line between front and agent");
	/* What comes for the program before we serve waits. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	building.subreaper = front_begin();
	building.child = fork();
	if (building.child > 0) {
		close(lines[1]);
		front_serve(lines[0], false, &building);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, building.subreaper);
	close(lines[0]);
	if (building.child < 0) {
		close(lines[1]);
		return err_set(err, errno, "fork");
	}
	setpgid(0, 0);
	*line = lines[1];
	return 0;
}

void serve_tell(int line, int status)
{
	front_send_status(line, W_EXITCODE(status, 0));
	close(line);
}

int serve_program(const struct agent_options *options, char *const *argv, serve_ended_fn *ended,
		  void *data, struct err *err)
{
	struct agent *agent;
	bool exec_failed;

	if (agent_open(&agent, options, err) < 0)
		return -err->num;
	if (agent_spawn(agent, argv, err) >= 0)
		serve_to_end(agent, ended, data);
	exec_failed = agent_exec_failed(agent);
	agent_close(agent);
	if (!exec_failed)
		return -err->num;
	fprintf(stderr, "cairn: %s\n", err->msg);
	return err->num == ENOENT ? COMMAND_NOT_FOUND : COMMAND_CANNOT_EXEC;
}

void serve_to_end(struct agent *agent, serve_ended_fn *ended, void *data)
{
	enum agent_end end;
	int status = 0;

	end = agent_serve(agent, &status);
	if (ended) {
		status = ended(data, end, status);
		agent_answer(agent, status);
	}
	if (end != AGENT_END_HANDED_ON)
		agent_close(agent);
	agent_exit_like(status);
}
