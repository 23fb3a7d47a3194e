/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/resume.h"
#include "cli/command.h"
#include "cli/serve.h"
#include "coord/manifest.h"
#include "host/json.h"
#include "host/fault.h"
#include "host/log.h"
#include "restart/front.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool resume_parse_ids(enum ids_strategy *strategy, const char *text)
{
	for (int s = IDS_AUTO; s <= IDS_CYCLE; s++) {
		if (strcmp(text, ids_strategy_name((enum ids_strategy)s)))
			continue;
		*strategy = (enum ids_strategy)s;
		return true;
	}
	return false;
}

static void resume_streams(struct restart_options *r)
{
	/* main puts something close-on-exec where our caller had left a stream closed. */
	for (int fd = 0; fd <= 2; fd++)
		r->std_fds[fd] = fcntl(fd, F_GETFD) == 0 ? fd : -1;
}

/*
 * In the agent: nobody above us can report a failure, so it is said here; before @agent (or NULL)
 * closes its line to the front, which ends then.
 */
static void __attribute__((noreturn))
resume_failed(struct agent *agent, int front_fd, const struct err *err)
{
	fprintf(stderr, "cairn restart: %s\n", err->msg);
	front_send_status(front_fd, W_EXITCODE(COMMAND_NOT_STARTED, 0));
	agent_close(agent);
	exit(COMMAND_NOT_STARTED);
}

/* An id that was free a moment ago is somebody else's: then elsewhere, where none is. */
static void resume_if_taken(struct agent *agent, const struct restart_options *restart,
			    const struct restart_place *place, const struct err *err)
{
	if (err->num != EEXIST || restart->strategy != IDS_AUTO || place->strategy != IDS_DIRECT ||
	    place->front_fd < 0)
		return;
	fprintf(stderr, "cairn restart: %s; all is begun anew in a namespace\n", err->msg);
	front_send(place->front_fd, FRONT_TAKEN, 0);
	agent_close(agent);
	exit(COMMAND_NOT_STARTED);
}

/* What had joined is waited for again. */
static int resume_take(struct agent *agent, const struct images *im, pid_t root, struct err *err)
{
	int rc = agent_take(agent, root, true, err);

	for (size_t i = 0; rc >= 0 && i < im->n; i++) {
		const struct img_process *p = &image_reader_model(im->at[i])->process;

		if (p->flags & IMG_PROC_JOINED && !(p->flags & IMG_PROC_ROOT))
			rc = agent_take_joined(agent, p->pid, err);
	}
	return rc;
}

static struct agent *resume_build(struct images *im, const struct agent_options *options,
				  const struct restart_options *restart,
				  const struct restart_place *place)
{
	struct restart_result result = { 0 };
	struct agent_options o = *options;
	struct err err = ERR_INIT;
	char *path = strdup(im->path); /* for as long as the agent lives */
	struct agent *agent;

	o.front_fd = place->front_fd;
	o.restarted_from = path;
	o.restarted_number = (uint32_t)json_get_int(im->manifest, "generation", 0);
	o.env = restart->env;
	if (!o.name)
		o.name = json_get_string(im->manifest, "name", "restart");
	if (manifest_options(im->manifest, &o, &err) < 0 || agent_open(&agent, &o, &err) < 0)
		resume_failed(NULL, place->front_fd, &err);
	if (restart_build(im->at, im->n, restart, place, &result, &err) < 0 ||
	    resume_take(agent, im, result.root, &err) < 0) {
		resume_if_taken(agent, restart, place, &err);
		err_add(&err, "'%s'", im->path);
		if (err.num == EBADMSG)
			images_failed(im->path, &err);
		resume_failed(agent, place->front_fd, &err);
	}
	agent_take_memory(agent, result.calls);
	fault_point("restart.taken");
	log_info("restart", "'%s' goes on as pid %d (%s), %llu bytes, %.3f s", im->path,
		 result.root, ids_strategy_name(place->strategy),
		 (unsigned long long)result.memory_bytes, (double)result.total_ns / 1e9);
	return agent;
}

/* What a signal is the end of that came before the program ran. */
struct resume_end {
	serve_ended_fn *ended;
	void *data;
	uint64_t stop_signals;
};

static int resume_given_up(void *data, int signo)
{
	const struct resume_end *e = data;
	bool stop = e->stop_signals >> (signo - 1) & 1;

	return e->ended ? e->ended(e->data, stop ? AGENT_END_STOPPED : AGENT_END_PROGRAM, signo)
			: signo;
}

int resume_program(struct images *im, const struct agent_options *options,
		   const struct restart_options *restart, serve_ended_fn *ended, void *data,
		   struct err *err)
{
	struct resume_end end = { ended, data, options->stop_signals };
	struct restart_options r = *restart;
	struct restart_place place;
	struct agent *agent;

	resume_streams(&r);
	r.ends = options->ends_with_front;
	r.given_up = resume_given_up;
	r.data = &end;
	r.stop_signals = options->stop_signals;
	if (restart_check(im->at, im->n, &r, err) < 0)
		return err->num == ENOENT || err->num == ESTALE ? images_failed(im->path, err)
								: -err->num;
	if (ids_place(im->at, im->n, &r, &place, err) < 0)
		return -err->num;
	fault_point("restart.placed");
	agent = resume_build(im, options, &r, &place);
	images_close(im);
	serve_to_end(agent, ended, data);
}
