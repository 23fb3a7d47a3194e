/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the line to its front (restart/front.h), where it has one.
 *
 * With a front, signals come over the line: the front is who others signal, and what reaches our
 * own process group has reached the front as well.
 */
#include "base/owned.h"
#include "coord/agent_state.h"
#include "host/log.h"
#include "host/proc.h"
#include "host/terminal.h"
#include "restart/front.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void front_line_gone(struct agent *a)
{
	log_info("agent", "the front has gone");
	uv_poll_stop(&a->front_poll);
	owned_fd_done(&a->options.front_fd);
	a->options.front_fd = -1;
	if (a->options.ends_with_front)
		agent_kill_all(a, SIGKILL);
}

/* Is the program in another process group than the front? One outside of our namespace is group 0. */
static bool front_line_apart(const struct agent *a)
{
	struct ucred front = { 0 };
	socklen_t len = sizeof(front);

	if (getsockopt(a->options.front_fd, SOL_SOCKET, SO_PEERCRED, &front, &len))
		return true;
	return getpgid(a->root) != (front.pid > 0 ? getpgid(front.pid) : 0);
}

/* As a SIGCONT for the front would have continued it. */
static void front_line_continue(struct agent *a, bool foreground)
{
	pid_t group = getpgid(a->root);
	bool stopped = a->root_stopped;

	a->root_stopped = 0;
	if (!front_line_apart(a)) {
		/* It came to the front alone, or had reached the program by itself. */
		if (proc_state(a->root) == 'T')
			kill(a->root, SIGCONT);
	} else if (stopped) {
		if (foreground)
			terminal_give(group);
		kill(-group, SIGCONT);
	} else if (!foreground) {
		kill(a->root, SIGCONT);
	}
}

/* The front goes on, the program with it; unless it has been stopped again since. */
static void front_line_resumed(struct agent *a)
{
	if (a->root_stopped && proc_state(a->root) == 'T')
		front_line_stopped(a, a->root_stopped);
	else
		a->root_stopped = 0;
}

static void front_line_message(struct agent *a, int type, int value)
{
	struct signalfd_siginfo si = { .ssi_signo = (uint32_t)value, .ssi_code = SI_USER };

	if (!a->root || a->root_ended)
		return;
	if (type == FRONT_SIGNAL)
		agent_heard(a, value);
	if (type == FRONT_SIGNAL && value > 0 && value <= SIGRTMAX && !agent_takes_signal(a, value))
		signals_pass(&si, a->root);
	if (type == FRONT_CONTINUE)
		front_line_continue(a, value == 1);
	if (type == FRONT_RESUMED)
		front_line_resumed(a);
}

static void front_line_readable(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;
	int type = 0, value = 0;

	(void)status;
	(void)events;
	while (a->options.front_fd >= 0) {
		type = front_receive(a->options.front_fd, &value);
		if (type == -EAGAIN)
			return;
		if (type == FRONT_GONE)
			front_line_gone(a);
		else
			front_line_message(a, type, value);
	}
}

void front_line_open(struct agent *a)
{
	if (a->options.front_fd < 0)
		return;
	uv_poll_init(&a->loop, &a->front_poll, a->options.front_fd);
	a->front_poll.data = a;
	uv_poll_start(&a->front_poll, UV_READABLE, front_line_readable);
	front_send(a->options.front_fd, FRONT_READY, front_line_apart(a));
}

bool front_line_stopped(struct agent *a, int signo)
{
	if (a->options.front_fd < 0)
		return false;
	/* Without a terminal nobody would continue the front; see children.c. */
	if (terminal_foreground() >= 0)
		front_send(a->options.front_fd, FRONT_STOPPED, signo);
	return true;
}

void front_line_let_go(struct agent *a)
{
	if (a->options.front_fd < 0)
		return;
	uv_poll_stop(&a->front_poll);
	front_send(a->options.front_fd, FRONT_OUTLASTED, a->root_status);
	owned_fd_done(&a->options.front_fd);
	a->options.front_fd = -1;
}

void front_line_end(struct agent *a)
{
	if (a->options.front_fd >= 0 && a->served)
		front_send_status(a->options.front_fd, a->answer);
	owned_fd_done(&a->options.front_fd);
}
