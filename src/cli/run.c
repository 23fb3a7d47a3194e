/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn run: one command for a job script. Go on from the newest checkpoint, or start; when told to
 * stop, checkpoint first; when the program has ended by itself, remember that it has.
 */
#include "base/owned.h"
#include "cli/agent_argp.h"
#include "cli/command.h"
#include "cli/jobdir.h"
#include "cli/leg.h"
#include "cli/outside.h"
#include "cli/resume.h"
#include "cli/serve.h"
#include "coord/generation.h"
#include "host/json.h"
#include "host/terminal.h"
#include "job/script.h"
#include "job/walltime.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { RUN_WAIT_IN_JOB_S = 60 }; /* the leg before may still be on its way out */

enum { RUN_LOW_IDS = 300 }; /* as those of a container's first processes */

enum {
	RUN_CONTRACT = 256,
	RUN_SIGNALS,
	RUN_LEAD,
	RUN_WALLTIME,
	RUN_TOTAL,
	RUN_MTBF,
	RUN_NO_REQUEUE,
	RUN_WAIT,
	RUN_PROMETHEUS,
};

struct run {
	struct agent_argp agent;
	struct restart_options restart;
	bool fresh, wait_given;
	int first; /* argv[first]: the program */
	struct jobdir dir;
	struct leg leg;
};

static const struct argp_option run_argp_options[] = {
	{ "fresh", 'F', NULL, 0,
	  "start anew: forget that the job has finished, remove its checkpoints", 0 },
	{ "exit-contract", RUN_CONTRACT, "slurm|htcondor|sge|plain", 0,
	  "how the batch system learns what is to follow (default: the one that we are in)", 0 },
	{ "signals", RUN_SIGNALS, "LIST", 0,
	  "on these: checkpoint and stop (default: the contract's: TERM,USR1,XCPU)", 0 },
	{ "lead", RUN_LEAD, "SECONDS", 0, "from that signal to the end of the leg, as ordered", 0 },
	{ "walltime", RUN_WALLTIME, "TIME", 0,
	  "of this leg, as HH:MM:SS or D-HH:MM:SS (default: as Slurm says)", 0 },
	{ "walltime-total", RUN_TOTAL, "TIME", 0,
	  "of all legs (default: the job's --comment if that is a time, else no limit)", 0 },
	{ "mtbf", RUN_MTBF, "SECONDS", 0,
	  "time between failures, for --interval auto (default: learnt)", 0 },
	{ "no-requeue", RUN_NO_REQUEUE, NULL, 0, "leave it to others to queue the job again", 0 },
	{ "wait", RUN_WAIT, "SECONDS", 0,
	  "for another run with the same directory to end (default: 60 in a job, else 0)", 0 },
	{ "prometheus", RUN_PROMETHEUS, "FILE", 0, "write metrics there", 0 },
	{ 0 },
};

static const struct {
	const char *variable;
	int key;
} run_environment[] = {
	{ "CAIRN_EXIT_CONTRACT", RUN_CONTRACT },
	{ "CAIRN_SIGNALS", RUN_SIGNALS },
	{ "CAIRN_LEAD", RUN_LEAD },
	{ "CAIRN_WALLTIME", RUN_WALLTIME },
	{ "CAIRN_WALLTIME_TOTAL", RUN_TOTAL },
	{ "CAIRN_MTBF", RUN_MTBF },
	{ "CAIRN_WAIT", RUN_WAIT },
	{ "CAIRN_PROMETHEUS", RUN_PROMETHEUS },
};

static void run_set_contract(struct run *r, const char *text, const struct argp_state *state)
{
	r->leg.options.contract = contract_find(text);
	if (!r->leg.options.contract)
		argp_error(state, "--exit-contract wants slurm, htcondor, sge or plain, not '%s'",
			   text);
}

static void run_set_signals(struct run *r, const char *text, const struct argp_state *state)
{
	const char *bad;

	if (!contract_signals(&r->leg.options.stop_signals, text, &bad))
		argp_error(state, "--signals wants names like TERM,USR1, not '%s'", bad);
}

static int64_t run_walltime(const char *option, const char *text, const struct argp_state *state)
{
	int64_t seconds = 0;

	if (!walltime_parse(&seconds, text) || !seconds)
		argp_error(state, "%s wants a time as HH:MM:SS or D-HH:MM:SS, not '%s'", option,
			   text);
	return seconds;
}

static bool run_set(struct run *r, int key, const char *arg, const struct argp_state *state)
{
	struct leg_options *o = &r->leg.options;

	switch (key) {
	case RUN_CONTRACT:
		run_set_contract(r, arg, state);
		return true;
	case RUN_SIGNALS:
		run_set_signals(r, arg, state);
		return true;
	case RUN_LEAD:
		o->lead_s = options_seconds(state, "--lead", arg);
		return true;
	case RUN_WALLTIME:
		o->walltime_s = run_walltime("--walltime", arg, state);
		return true;
	case RUN_TOTAL:
		o->total_s = run_walltime("--walltime-total", arg, state);
		return true;
	case RUN_MTBF:
		o->mtbf_s = options_seconds(state, "--mtbf", arg);
		return true;
	case RUN_WAIT:
		o->wait_s = options_seconds(state, "--wait", arg);
		r->wait_given = true;
		return true;
	case RUN_PROMETHEUS:
		o->prometheus = arg;
		return true;
	default:
		return false;
	}
}

static void run_init(struct run *r, struct argp_state *state)
{
	const char *ids = options_env("CAIRN_IDS");

	state->child_inputs[0] = &r->agent;
	state->name = state->argv[0]; /* argp has not come to it yet */
	if (ids && !resume_parse_ids(&r->restart.strategy, ids))
		argp_error(state, "CAIRN_IDS: no strategy '%s'", ids);
	for (size_t i = 0; i < sizeof(run_environment) / sizeof(run_environment[0]); i++) {
		const char *v = options_env(run_environment[i].variable);

		if (v)
			run_set(r, run_environment[i].key, v, state);
	}
}

static error_t run_parse(int key, char *arg, struct argp_state *state)
{
	struct run *r = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		run_init(r, state);
		return 0;
	case 'F':
		r->fresh = true;
		return 0;
	case RUN_NO_REQUEUE:
		r->leg.options.no_requeue = true;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
		return 0;
	case ARGP_KEY_ARGS:
		r->first = state->next;
		return 0;
	default:
		return run_set(r, key, arg, state) ? 0 : ARGP_ERR_UNKNOWN;
	}
}

static const struct argp run_argp = {
	.options = run_argp_options,
	.parser = run_parse,
	.args_doc = "[--] PROGRAM [ARGUMENT...]",
	.doc = "Resume PROGRAM from its newest complete checkpoint, or start it if there is none."
	       "\vOn SIGTERM, SIGUSR1 or SIGXCPU, and before the time is up, a checkpoint is taken "
	       "and the program ended; in a Slurm job the job is queued again. The exit status is "
	       "then 99 (85 for HTCondor): start the same command again to go on. When the program "
	       "ends by itself its status is remembered, and the same command again returns it "
	       "without starting anything.",
	.children = agent_argp_children,
};

/* Is there anything to go on from? Checkpoints that all turn out damaged are not "nothing". */
static int run_generations(const char *dir, struct err *err)
{
	struct generation_list list;
	int n;

	if (generation_list_load(&list, dir, err) < 0)
		return -err->num;
	n = list.n > 0;
	generation_list_done(&list);
	return n;
}

static int run_forget(struct run *r, struct err *err)
{
	unsigned int removed;

	ledger_forget(&r->leg.ledger);
	return generation_prune(r->dir.dir, 0, &removed, err);
}

static int run_resume(struct run *r, struct err *err)
{
	struct images images;

	if (images_open_newest(&images, r->dir.dir, true, err) < 0)
		return err_add(err, "cannot go on (--fresh starts anew)");
	r->leg.generation = (uint32_t)json_get_int(images.manifest, "generation", 0);
	fprintf(stderr, "cairn: going on from %s\n", images.path);
	r->restart.env = place_environment();
	if (resume_program(&images, &r->agent.agent, &r->restart, leg_ended, &r->leg, err) < 0)
		images_close(&images);
	return -err->num;
}

/*
 * In a job the agent stands apart; not at a terminal, which is handed on within a group. Nor in a container,
 * where low ids cannot be had again: all of it ends with the container.
 */
static int run_launch(struct run *r, char **argv, struct err *err)
{
	struct agent_options *o = &r->agent.agent;
	int line = -1, rc;

	if (o->ends_with_front && getpid() > RUN_LOW_IDS && terminal_foreground() < 0 &&
	    serve_apart(&line, err) < 0)
		return -err->num;
	if (line >= 0)
		o->front_fd = fcntl(line, F_DUPFD_CLOEXEC, 3);
	rc = serve_program(o, argv, leg_ended, &r->leg, err);
	if (line < 0)
		return rc;
	if (rc < 0)
		fprintf(stderr, "cairn run: %s\n", err->msg);
	leg_not_started(&r->leg);
	serve_tell(line, rc < 0 ? COMMAND_NOT_STARTED : rc);
	_exit(0);
}

static int run_start(struct run *r, char **argv, struct err *err)
{
	int n, status;

	if (jobdir_open(&r->dir, &r->leg, &r->agent.common, argv, r->fresh, err) < 0)
		return -err->num;
	r->agent.agent.name = r->dir.name;
	r->agent.agent.ckpt_dir = r->dir.dir;
	if (r->fresh && run_forget(r, err) < 0)
		return -err->num;
	if (ledger_is_finished(r->leg.lock.dirfd, &status)) {
		fprintf(stderr,
			"cairn: this job has finished with status %d; --fresh starts it anew\n",
			status);
		return status;
	}
	n = run_generations(r->dir.dir, err);
	if (n < 0)
		return n;
	leg_begin(&r->leg, r->dir.name, r->dir.dir, argv);
	n = n ? run_resume(r, err) : run_launch(r, argv, err);
	leg_not_started(&r->leg);
	return n;
}

/*
 * A stop signal may come before the program runs; it is dealt with when it does. One that our caller ignores
 * (a script's trap '') would never come at all; the program goes on ignoring it.
 */
static void run_hold_signals(struct run *r)
{
	struct agent_options *o = &r->agent.agent;
	sigset_t set, before;

	sigemptyset(&set);
	for (int signo = 1; signo < 64; signo++) {
		if (!(o->stop_signals >> (signo - 1) & 1))
			continue;
		sigaddset(&set, signo);
		if (signal(signo, SIG_DFL) == SIG_IGN)
			o->ignored_signals |= 1ull << (signo - 1);
	}
	sigprocmask(SIG_BLOCK, &set, &before);
	for (int signo = 1; signo < 64; signo++)
		if (sigismember(&set, signo) && !sigismember(&before, signo))
			o->held_signals |= 1ull << (signo - 1);
}

/* What the agent is told, once the options are known. */
static void run_tell_agent(struct run *r)
{
	struct agent_options *o = &r->agent.agent;
	const struct contract *c = r->leg.options.contract;

	o->stop_signals = r->leg.options.stop_signals;
	o->ignored_signals = c->shield ? o->stop_signals : 0;
	o->ends_with_front = strcmp(c->name, "plain");
	o->hooks = &leg_hooks;
	o->hooks_data = &r->leg;
	r->leg.options.interval_auto = r->agent.interval_auto;
	r->restart.workers = o->workers;
}

/* What ends the script that we are a line of ends its job: it must not end before us. */
static void run_keep_script(const struct run *r)
{
	const struct leg_options *o = &r->leg.options;
	struct script s = { .signals = o->stop_signals,
			    .saved_status = { o->contract->stopped_status, COMMAND_USED_UP } };
	bool term = s.signals >> (SIGTERM - 1) & 1;
	int stop = term ? SIGTERM : __builtin_ffsll((long long)s.signals);
	pid_t parent = getppid();

	if (!o->contract->scontrol || !*r->leg.place.job || !script_find(&s))
		return;
	/* Where Slurm lets us live when it has ended nevertheless: stop. */
	prctl(PR_SET_PDEATHSIG, stop);
	if (getppid() != parent)
		raise(stop);
	if (script_keep(&s) < 0 && s.waits)
		fprintf(stderr, "cairn: Slurm's signals go to the job's script, which waits for "
				"this command: it dies of "
				"them, or runs its trap too late, and nothing is saved. Write "
				"`exec cairn run ...`\n");
}

static int run_outside(const struct run *r, char *const *argv, struct err *err)
{
	const struct leg_options *o = &r->leg.options;
	const struct outside outside = {
		.contract = o->contract,
		.stop_signals = o->stop_signals,
		.no_requeue = o->no_requeue,
	};

	return outside_run(&outside, argv, err);
}

int run_command(int argc, char **argv, struct err *err)
{
	struct run r = { .leg.lock = LOCK_INIT, .agent.may_auto = true };
	int rc;

	options_parse(&run_argp, argc, argv, ARGP_IN_ORDER, &r);
	if (!r.leg.options.contract)
		r.leg.options.contract = contract_guess();
	if (!r.leg.options.stop_signals)
		r.leg.options.stop_signals = r.leg.options.contract->stop_signals;
	place_read(&r.leg.place);
	run_keep_script(&r);
	if (outside_is_meant(argv + r.first))
		return run_outside(&r, argv + r.first, err);
	if (*r.leg.place.job && !r.wait_given)
		r.leg.options.wait_s = RUN_WAIT_IN_JOB_S;
	run_tell_agent(&r);
	run_hold_signals(&r);
	rc = run_start(&r, argv + r.first, err);
	leg_close(&r.leg);
	free(r.dir.dir);
	return rc;
}
