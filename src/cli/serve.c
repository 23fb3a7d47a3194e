/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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
	agent_close(agent);
	agent_exit_like(status);
}
