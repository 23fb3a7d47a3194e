/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process has ended, and others that it has left run on, as those of a program do that puts itself
 * into the background: the computation goes on with them.
 *
 * Whoever called us waits for the first process only. A front is told; without one we are who is waited for,
 * and must end: then a copy of ours goes on, with all that we hold, as an agent that is no ancestor.
 *
 * The one rule: until the copy serves, requests wait at the sockets that both hold.
 */
#include "coord/agent_state.h"
#include "coord/join.h"
#include "coord/launchable.h"
#include "coord/members.h"
#include "host/fault.h"
#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* For those that are about to end as well, as the rest of a pipeline. */
enum { OUTLAST_PATIENCE_MS = 200 };

static bool outlast_is_wanted(const struct agent *a)
{
	return a->options.outlasts && a->root_ended && !a->leave && !a->killed && !a->told_to_end &&
	       !a->stopped_by_us && !a->succeeds && WIFEXITED(a->root_status);
}

static bool outlast_is_older(const struct agent *a, pid_t pid)
{
	for (size_t i = 0; i < a->older.n; i++)
		if (a->older.pids[i] == pid)
			return true;
	return false;
}

static void outlast_load(const struct agent *a, struct members *left)
{
	size_t n = 0;

	members_load_children(left, a->signals.sentinel);
	for (size_t i = 0; i < left->n; i++)
		if (!outlast_is_older(a, left->pids[i]))
			left->pids[n++] = left->pids[i];
	left->n = n;
}

/* Who is there still, after some patience. */
static void outlast_find(struct agent *a, struct members *left)
{
	int64_t until = agent_clock_ns(CLOCK_MONOTONIC) + OUTLAST_PATIENCE_MS * INT64_C(1000000);
	struct pollfd signals = { .fd = a->signals.fd, .events = POLLIN };
	int64_t now;

	for (;;) {
		outlast_load(a, left);
		now = agent_clock_ns(CLOCK_MONOTONIC);
		if (!left->n || now >= until)
			return;
		members_done(left);
		poll(&signals, 1, (int)((until - now) / 1000000) + 1);
		agent_read_signals(a);
		children_look(a);
	}
}

/* The first of them takes the place of the root. */
static void outlast_take(struct agent *a, const struct members *left)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < left->n; i++)
		if (join_take(a, left->pids[i], &err) < 0)
			log_error("outlast", "%s", err.msg);
	a->root = join_first(a);
	a->root_ended = !a->root;
	a->root_stopped = 0;
	a->own_group = a->stop_due = a->woken = false;
	log_info("outlast",
		 "%zu processes that the program has left go on, process %d is the first", left->n,
		 a->root);
}

/* Away from the terminal, whose signals are not for what it has left. */
static void outlast_leave_terminal(void)
{
	if (setsid() < 0)
		log_debug("outlast", "in the session still: %s", err_text(errno));
}

/* Nobody waits for us but the front, if there is one still. */
static bool outlast_stay(struct agent *a, const struct members *left)
{
	agent_take_terminal_back(a);
	outlast_take(a, left);
	front_line_let_go(a);
	if (!a->unwaited)
		outlast_leave_terminal();
	a->unwaited = true;
	return a->root > 0;
}

/* The one who is waited for has ended, and nothing that it held is left but here. */
static void outlast_await(int ends)
{
	char none;

	while (read(ends, &none, 1) < 0 && errno == EINTR)
		;
	close(ends);
}

static bool outlast_succeed(struct agent *a, const struct members *left, int ends)
{
	struct err err = ERR_INIT;

	outlast_leave_terminal();
	outlast_await(ends);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	a->succeeds = true;
	a->child = false;
	a->signals.sentinel = 0;
	outlast_take(a, left);
	if (uv_loop_fork(&a->loop) < 0 || join_be_strangers(a, &err) < 0) {
		log_error("outlast", "they go on without us: %s",
			  *err.msg ? err.msg : "event loop");
		a->leave = true;
		return false;
	}
	if (!join_is_joined(a, a->root)) /* it has ended since */
		children_root_ended(a, 0);
	control_listen_again(a->control);
	join_listen_again(a);
	fault_point("outlast.serving");
	return true;
}

static void outlast_say(const struct agent *a, const struct members *left)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"cairn: the program has ended, %zu %s that it has left can be "
			"checkpointed as '%s'\n",
			left->n, left->n == 1 ? "process" : "processes", a->rundir.name);
}

static bool outlast_hand_on(struct agent *a, const struct members *left)
{
	struct err err = ERR_INIT;
	int ends[2];
	pid_t pid;

	if (getpid() == 1 || launchable_check_strangers(&err) < 0 || pipe2(ends, O_CLOEXEC)) {
		log_info("outlast", "%zu processes that the program has left go on without us: %s",
			 left->n, *err.msg ? err.msg : "all end with us");
		return false;
	}
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		return outlast_succeed(a, left, ends[0]);
	}
	close(ends[0]);
	a->handed_on = pid > 0;
	if (a->handed_on) {
		outlast_say(a, left);
		signals_close(&a->signals);
	} else {
		log_error("outlast", "fork: %s", err_text(errno));
	}
	return false; /* and ends[1] stays open until we end */
}

bool outlast(struct agent *a)
{
	struct members left;
	bool on = false;

	if (!outlast_is_wanted(a))
		return false;
	outlast_find(a, &left);
	if (left.n && !a->killed && !a->told_to_end && park_tend(a->memory))
		on = a->options.front_fd >= 0 || a->unwaited ? outlast_stay(a, &left)
							     : outlast_hand_on(a, &left);
	members_done(&left);
	return on;
}
