/* SPDX-License-Identifier: Apache-2.0 */
#include "base/owned.h"
#include "coord/agent_state.h"
#include "coord/guests.h"
#include "coord/join.h"
#include "coord/launchable.h"
#include "coord/restart_script.h"
#include "coord/spawn.h"
#include "host/fault.h"
#include "host/log.h"
#include "host/proc.h"
#include "host/terminal.h"
#include "restart/cycle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t agent_clock_ns(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int agent_set_paths(struct agent *a, struct err *err)
{
	OWNED_PTR char *dir = NULL;
	const char *given = a->options.ckpt_dir;

	if (!given) {
		if (asprintf(&dir, "cairn-%s", a->options.name) < 0)
			return err_set(err, ENOMEM, "checkpoint directory");
		given = dir;
	}
	a->ckpt_dir = path_absolute(given);
	if (!a->ckpt_dir)
		return err_set(err, errno ? errno : ENOMEM, "checkpoint directory '%s'", given);
	return 0;
}

static void agent_on_signals(uv_poll_t *poll, int status, int events);
static void agent_before_waiting(uv_prepare_t *prepare);

static int agent_open_loop(struct agent *a, struct err *err)
{
	int rc = uv_loop_init(&a->loop);

	if (rc < 0)
		return err_set(err, -rc, "event loop");
	a->loop_open = true;
	uv_poll_init(&a->loop, &a->signal_poll, a->signals.fd);
	schedule_open(a);
	uv_prepare_init(&a->loop, &a->before);
	uv_timer_init(&a->loop, &a->again);
	guests_open(a);
	a->signal_poll.data = a->before.data = a;
	uv_poll_start(&a->signal_poll, UV_READABLE, agent_on_signals);
	uv_prepare_start(&a->before, agent_before_waiting);
	if (join_open(a, err) < 0)
		return -err->num;
	return control_open(&a->control, &a->loop, a->rundir.dirfd, &request_ops, a, err);
}

int agent_open(struct agent **agent, const struct agent_options *options, struct err *err)
{
	struct agent *a = calloc(1, sizeof(*a));

	if (!a)
		return err_set(err, ENOMEM, "agent");
	a->options = *options;
	a->signals.fd = a->root_pidfd = a->join_fd = -1;
	a->rundir = RUNDIR_INIT;
	a->started_ns = agent_clock_ns(CLOCK_REALTIME);
	streams_note(&a->streams);
	if (agent_set_paths(a, err) < 0 || rundir_open(&a->rundir, options->name, err) < 0 ||
	    signals_open(&a->signals, err) < 0 || agent_open_loop(a, err) < 0) {
		a->options.front_fd = -1; /* its front is to be told by our caller */
		agent_close(a);
		return -err->num;
	}
	rundir_show(&a->rundir);
	for (int signo = 1; signo < 64; signo++)
		if (options->held_signals >> (signo - 1) & 1)
			sigdelset(&a->signals.old_mask, signo);
	/* What the program leaves behind when it daemonizes comes to us, and stays with its own. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	log_info("agent", "computation '%s', checkpoints in '%s'", a->rundir.name, a->ckpt_dir);
	*agent = a;
	return 0;
}

static void agent_close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void agent_close(struct agent *a)
{
	if (!a)
		return;
	if (a->loop_open) {
		control_close(a->control);
		uv_run(&a->loop, UV_RUN_NOWAIT);
		uv_walk(&a->loop, agent_close_handle, NULL);
		uv_run(&a->loop, UV_RUN_DEFAULT);
		uv_loop_close(&a->loop);
	}
	guests_close(a);
	join_close(a);
	rundir_close(&a->rundir);
	if (a->signals.fd >= 0)
		signals_close(&a->signals);
	owned_fd_done(&a->root_pidfd);
	front_line_end(a);
	park_memory_destroy(a->memory);
	notes_done(&a->notes);
	members_done(&a->older);
	free(a->ckpt_dir);
	free(a);
}

int agent_spawn(struct agent *a, char *const *argv, struct err *err)
{
	if (launchable_check_ptrace(err) < 0 || launchable_check_program(argv[0], err) < 0)
		return -err->num;
	a->own_group = a->options.stop_signals;
	if (!a->own_group && signals_watch_group(&a->signals, err) < 0)
		return -err->num;
	if (a->options.outlasts)
		members_load_children(&a->older, a->signals.sentinel);
	/* In a new container: ids that come round again, where a restart can get them only so. */
	cycle_leave_low();
	if (spawn_program(&a->root, argv, &a->signals, &a->options, err) < 0) {
		a->exec_failed = true;
		return -err->num;
	}
	a->child = true;
	streams_release(&a->streams);
	log_info("agent", "started '%s' as pid %d", argv[0], a->root);
	return 0;
}

int agent_take_joined(struct agent *a, pid_t pid, struct err *err)
{
	return join_take(a, pid, err);
}

void agent_take_memory(struct agent *a, struct park_memory *memory)
{
	a->memory = memory;
}

bool agent_exec_failed(const struct agent *a)
{
	return a->exec_failed;
}

int agent_foreign_status(int pidfd)
{
	int status = proc_pidfd_status(pidfd);

	return status < 0 ? 0 : status;
}

static void agent_on_foreign_end(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	children_root_ended(a, agent_foreign_status(a->root_pidfd));
}

int agent_take(struct agent *a, pid_t root, bool child, struct err *err)
{
	a->root = root;
	a->child = child;
	if (child) {
		a->own_group = getpgid(root) != getpgrp();
		return a->own_group || a->options.front_fd >= 0
			       ? 0
			       : signals_watch_group(&a->signals, err);
	}
	streams_of_program(&a->streams, root);
	a->root_pidfd = (int)sys2(__NR_pidfd_open, root, 0);
	if (a->root_pidfd < 0)
		return err_set(err, a->root_pidfd, "process %d", root);
	uv_poll_init(&a->loop, &a->root_poll, a->root_pidfd);
	a->root_poll.data = a;
	uv_poll_start(&a->root_poll, UV_READABLE, agent_on_foreign_end);
	return 0;
}

void agent_ask_to_stop(struct agent *a, int signo)
{
	bool caught = signo && proc_status_number(a->root, "SigCgt", 16, 0) >> (signo - 1) & 1;
	const struct agent_event event = { .kind = AGENT_EVENT_STOP,
					   .signo = signo,
					   .caught = caught };
	struct round_request *r;

	if (a->asked_to_stop)
		return;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	a->asked_to_stop = true;
	schedule_tell(a, &event);
	r->kill = true;
	r->reason = "stop";
	round_request(a, r);
}

bool agent_takes_signal(struct agent *a, int signo)
{
	if (signo < 1 || signo > 64 || !(a->options.stop_signals >> (signo - 1) & 1))
		return false;
	agent_ask_to_stop(a, signo);
	return true;
}

/* We and the program go on after a stop. */
static void agent_continued(struct agent *a)
{
	if (!a->own_group || !a->root_stopped)
		return;
	if (terminal_is_ours())
		terminal_give(getpgid(a->root));
	kill(-getpgid(a->root), SIGCONT);
}

void agent_heard(struct agent *a, int signo)
{
	a->told_to_end |= signo == SIGTERM || signo == SIGINT || signo == SIGQUIT ||
			  signo == SIGHUP || signo == SIGXCPU;
}

static bool agent_passes_on(struct agent *a, const struct signalfd_siginfo *si)
{
	/* In vain it would only take back a stop that comes next. */
	bool vain = si->ssi_signo == SIGCONT && proc_state(a->root) != 'T';

	return signals_meant_for(&a->signals, si, getpgid(a->root) != getpgrp()) && !vain;
}

static void agent_on_signal(struct agent *a, const struct signalfd_siginfo *si)
{
	int signo = (int)si->ssi_signo;

	log_debug("agent", "signal %d, code %d, from pid %u", signo, si->ssi_code, si->ssi_pid);
	if (signo == SIGCHLD)
		return; /* children_look follows anyway */
	agent_heard(a, signo);
	if (signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU)
		a->stop_heard_ns = agent_clock_ns(CLOCK_MONOTONIC);
	if (signo == SIGCONT && si->ssi_code == SI_QUEUE && si->ssi_int == AGENT_WAKE) {
		a->woken = a->root_stopped;
		return;
	}
	if (signo == SIGCONT)
		agent_continued(a);
	if (a->options.front_fd >= 0 || agent_takes_signal(a, signo))
		return;
	if (a->root && !a->root_ended && agent_passes_on(a, si))
		signals_pass(si, a->root);
}

void agent_read_signals(struct agent *a)
{
	struct signalfd_siginfo si;

	while (read(a->signals.fd, &si, sizeof(si)) == sizeof(si))
		agent_on_signal(a, &si);
}

static void agent_on_signals(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;

	(void)status;
	(void)events;
	agent_read_signals(a);
	children_look(a);
}

/* The loop has gone round. */
static void agent_look_again(uv_timer_t *timer)
{
	(void)timer;
}

static bool agent_root_goes_on(const void *agent)
{
	char state = proc_state(((const struct agent *)agent)->root);

	return state != 'T' && state != 't';
}

static void agent_stop_self(struct agent *a)
{
	log_debug("agent", "stopping ourselves with signal %d", a->root_stopped);
	a->stop_due = false;
	fault_point("agent.stopping");
	terminal_stop_self(a->root_stopped, agent_root_goes_on, a);
	/* Continued, the program too; or only woken, then it stands as before. */
	agent_read_signals(a);
	if (a->woken) /* by one who may have gone again: then nothing else would come, and we not stop */
		uv_timer_start(&a->again, agent_look_again, 0, 0);
	else
		a->root_stopped = 0;
	children_look(a);
}

static void agent_stop_if_due(struct agent *a)
{
	if (a->woken && a->root_stopped && control_is_idle(a->control) && !join_is_coming(a) &&
	    !a->round) {
		a->woken = false;
		a->stop_due = true;
	}
	/* Not in the middle of a checkpoint, but after it; again if it is stopped again at once. */
	while (a->stop_due && !a->round && !a->woken)
		agent_stop_self(a);
}

static bool agent_is_over(const struct agent *a)
{
	return (a->root_ended || a->leave) && !a->round && control_is_idle(a->control);
}

static void agent_before_waiting(uv_prepare_t *prepare)
{
	struct agent *a = prepare->data;

	if (a->serving)
		agent_stop_if_due(a);
	if (a->root_ended && a->waiting)
		round_next(a); /* to be refused: nothing holds a program that has ended */
	if (agent_is_over(a))
		uv_stop(&a->loop);
}

void agent_take_terminal_back(const struct agent *a)
{
	if (a->own_group && terminal_foreground() == a->root)
		terminal_give(getpgrp());
}

enum agent_end agent_serve(struct agent *a, int *wait_status)
{
	schedule_begin(a);
	a->serving = true;
	front_line_open(a);
	children_look(a);
	do {
		while (!agent_is_over(a))
			uv_run(&a->loop, UV_RUN_DEFAULT);
	} while (outlast(a));
	a->serving = false;
	a->served = true;
	agent_take_terminal_back(a);
	if (!a->handed_on)
		restart_script_finish(a);
	*wait_status = a->answer = a->root_status;
	if (a->handed_on)
		return AGENT_END_HANDED_ON;
	if (a->stopped_by_us)
		return AGENT_END_STOPPED;
	return a->root_ended ? AGENT_END_PROGRAM : AGENT_END_LEFT;
}

void agent_answer(struct agent *a, int wait_status)
{
	a->answer = wait_status;
}

void agent_exit_like(int wait_status)
{
	struct rlimit none = { 0, 0 };
	sigset_t all;

	if (!WIFSIGNALED(wait_status))
		exit(WEXITSTATUS(wait_status));
	fflush(NULL);
	/* The core is the program's, if any; one of ours would only mislead. */
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	signal(WTERMSIG(wait_status), SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	kill(getpid(), WTERMSIG(wait_status));
	_exit(128 + WTERMSIG(wait_status));
}
