/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of the agent: the root, whose stops and end are passed on, and orphans of the
 * computation, which are reaped as init would.
 *
 * While a checkpoint is being made some of our children are tracees (snapshots, a held program), and
 * their wait events belong to the tracer: then only children that nobody traces are waited for, by pid.
 */
#include "coord/agent_state.h"
#include "coord/join.h"
#include "host/log.h"
#include "host/proc.h"
#include "host/procid.h"
#include "host/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN_STOP_NS = 2000000000 }; /* from a stop signal to the stop that it is for */

/* Whether it runs on or has ended: we do not stop because it had stopped. */
static void children_root_moves(struct agent *a)
{
	a->root_stopped = 0;
	a->stop_due = a->woken = false;
}

/* Programs that have joined are still running: one of them takes its place. */
static bool children_next_root(struct agent *a)
{
	pid_t next = join_first(a);

	if (!next)
		return false;
	log_info("agent", "process %d is the first of those that still run", next);
	a->root = next;
	a->child = !a->succeeds;
	a->own_group = false;
	return true;
}

void children_root_ended(struct agent *a, int wait_status)
{
	if (a->root_ended)
		return;
	children_root_moves(a);
	if (!a->first_ended)
		a->root_status = wait_status;
	a->last_status = wait_status;
	a->first_ended = true;
	a->root_ended = !children_next_root(a);
	log_info("agent", "the program has ended: %s %d",
		 WIFSIGNALED(wait_status) ? "signal" : "status",
		 WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

/*
 * The program has been stopped: so that our shell sees it, we stop as well, but only where that was meant
 * for the job (the signal came to us too) or where somebody waits at the terminal. A program stopped
 * alone, from elsewhere, will also be continued alone: then nobody would continue us.
 */
static void children_root_stopped(struct agent *a, int signo)
{
	pid_t foreground = terminal_foreground();
	bool heard;

	if (a->root_stopped)
		return;
	/* What was sent to the whole group is here by now, but perhaps not read. */
	agent_read_signals(a);
	heard = a->stop_heard_ns &&
		agent_clock_ns(CLOCK_MONOTONIC) - a->stop_heard_ns < CHILDREN_STOP_NS;
	a->root_stopped = signo;
	log_info("agent", "the program was stopped by signal %d", signo);
	if (front_line_stopped(a, signo))
		return;
	if (a->own_group && foreground == getpgid(a->root))
		terminal_give(getpgrp());
	a->stop_due = heard || foreground == getpgrp() ||
		      (a->own_group && foreground > 0 && signo != SIGSTOP);
	a->stop_heard_ns = 0;
}

static void children_root_event(struct agent *a, const siginfo_t *si)
{
	log_debug("children", "event %d, status %d", si->si_code, si->si_status);
	switch (si->si_code) {
	case CLD_STOPPED:
		children_root_stopped(a, si->si_status);
		break;
	case CLD_CONTINUED:
		children_root_moves(a);
		break;
	default: /* CLD_TRAPPED: the tracer's */
		break;
	}
}

static void children_look_at_root(struct agent *a)
{
	siginfo_t si = { 0 };
	int status;
	pid_t pid = waitpid(a->root, &status, WNOHANG);

	if (pid == a->root && !WIFSTOPPED(status)) {
		children_root_ended(a, status);
		return;
	}
	if (pid < 0 && errno == ECHILD) {
		log_error("agent", "the program's exit status was lost");
		children_root_ended(a, W_EXITCODE(125, 0));
		return;
	}
	while (!waitid(P_PID, (id_t)a->root, &si, WSTOPPED | WCONTINUED | WNOHANG) && si.si_pid) {
		children_root_event(a, &si);
		si.si_pid = 0;
	}
}

static void children_reap_untraced(const struct agent *a)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid;

	if (!f)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		if ((pid = procid_meant(pid)) > 0 && pid != a->root && !join_is_joined(a, pid) &&
		    proc_state(pid) == 'Z' && !proc_status_number(pid, "TracerPid", 10, 0))
			waitpid(pid, NULL, WNOHANG);
	fclose(f);
}

static void children_reap(struct agent *a)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		join_ended(a, pid, status);
		if (pid == a->root)
			children_root_ended(a, status);
	}
}

void children_look(struct agent *a)
{
	/* First: a loose wait would take away the stop of a thread that a park could not let go yet. */
	bool tended = park_tend(a->memory);

	if (a->root && !a->root_ended && !round_holds(a)) {
		if (a->child && !join_is_joined(a, a->root))
			children_look_at_root(a);
		join_look(a);
	}
	if (a->round || !tended)
		children_reap_untraced(a);
	else
		children_reap(a);
}
