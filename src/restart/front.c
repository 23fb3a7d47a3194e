/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/front.h"

#include "base/owned.h"
#include "base/sys.h"
#include "host/fault.h"
#include "host/procid.h"
#include "host/signals.h"
#include "host/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	FRONT_WAKE_MS = 100, /* between two tries to wake an agent */
	FRONT_TELL_MS =
		10000, /* until a rebuild is said to be under way still; then twice as long, ... */
	FRONT_CLEAR_MS = 10000, /* for a process that was killed to end */
};

static const uint64_t front_end_signals =
	UINT64_C(1) << (SIGHUP - 1) | UINT64_C(1) << (SIGINT - 1) | UINT64_C(1) << (SIGQUIT - 1) |
	UINT64_C(1) << (SIGTERM - 1);

struct front {
	int fd;
	struct signals signals;
	const struct front_building *building;
	bool foreground; /* the terminal was ours when we began */
	bool ready; /* the program runs */
	bool resumed; /* we go on after a stop, and the agent does not know yet */
	bool outlasted; /* the agent goes on without us */
	bool taken; /* FRONT_TAKEN */
	bool answered; /* it may: from here on signals are the program's */
	int64_t began_ms,
		tell_ms; /* when it was begun, and when to say that it is not done; 0: never */
	bool own_group; /* in a group of its own: signals of the terminal do not reach us and it both */
};

int front_send(int fd, enum front_type type, int value)
{
	struct front_message m = { type, value };

	if (send(fd, &m, sizeof(m), MSG_NOSIGNAL) == sizeof(m))
		return 0;
	return -errno;
}

int front_send_status(int fd, int wait_status)
{
	if (WIFSTOPPED(wait_status))
		return front_send(fd, FRONT_STOPPED, WSTOPSIG(wait_status));
	return front_send(fd, FRONT_ENDED, wait_status);
}

int front_receive(int fd, int *value)
{
	struct front_message m;
	ssize_t n;

	do {
		n = recv(fd, &m, sizeof(m), MSG_DONTWAIT);
		/* ECONNRESET: it closed over a signal that it had not read; what it said is still here. */
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (n != sizeof(m))
		return FRONT_GONE;
	*value = m.value;
	return (int)m.type;
}

int front_ask(int fd, uint64_t *signals, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int value = 0, type;

	*signals = 0;
	if (fd < 0) /* there is none: we are what was called */
		return 0;
	if (front_send(fd, FRONT_BUILT, 0) < 0)
		return err_say(err, ECANCELED, "the command was killed before the program ran");
	do {
		poll(&p, 1, -1);
		type = front_receive(fd, &value);
		if (type == FRONT_SIGNAL && value > 0 && value <= 64)
			*signals |= UINT64_C(1) << (value - 1);
	} while (type != FRONT_GO && type != FRONT_GONE);
	if (type == FRONT_GONE)
		return err_say(err, ECANCELED, "the command was killed before the program ran");
	return 0;
}

void front_progress_set(struct front_progress *p, enum front_step step, pid_t pid)
{
	if (!p)
		return;
	__atomic_store_n(&p->pid, pid, __ATOMIC_RELAXED);
	__atomic_store_n(&p->step, step, __ATOMIC_RELEASE);
}

static void front_wait(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

static void __attribute__((noreturn)) front_end(struct front *f, int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	signals_unwatch_group(&f->signals);
	if (f->foreground)
		terminal_give(getpgrp());
	/* Whoever waits for us may want the ids at once. A namespace may go on: quit leaves the program. */
	if (f->building->child && !f->building->namespace && !f->outlasted)
		front_wait(f->building->child);
	if (!WIFSIGNALED(status))
		_exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none); /* the program has left one, if any */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	raise(WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + WTERMSIG(status));
}

static void front_tell(const struct front *f, enum front_type type, int value)
{
	front_send(f->fd, type, value);
	if (f->building->wake)
		f->building->wake(f->fd);
}

/* Does the kernel send us SIGCONT when something comes over the line? */
static void front_wake_by_line(const struct front *f, bool on)
{
	int flags = fcntl(f->fd, F_GETFL);

	fcntl(f->fd, F_SETOWN, getpid());
	fcntl(f->fd, F_SETSIG, SIGCONT);
	fcntl(f->fd, F_SETFL, on ? flags | O_ASYNC : flags & ~O_ASYNC);
}

static bool front_is_woken(const struct signalfd_siginfo *s)
{
	return s->ssi_signo == SIGCONT && s->ssi_code > 0 && s->ssi_code != SI_KERNEL;
}

static bool front_hears(const void *front)
{
	struct pollfd p = { .fd = ((const struct front *)front)->fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/*
 * The program has been stopped: so are we, that the shell may see it. When we go on the SIGCONT, still to be
 * read, tells whether the program got it too; if the program ends meanwhile, the line has woken us.
 */
static void front_stop(struct front *f, int signo)
{
	if (f->foreground)
		terminal_give(getpgrp());
	front_wake_by_line(f, true);
	terminal_stop_self(signo, front_hears, f);
	front_wake_by_line(f, false);
	f->foreground = terminal_is_ours();
	f->resumed = true;
}

/* The same for one that was killed; it may be in a system call that does not end (of a dead file server). */
static void front_wait_killed(const struct front_building *b, pid_t pid)
{
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	if (pidfd >= 0 && poll(&p, 1, FRONT_CLEAR_MS) == 0)
		fprintf(stderr, "%s: process %d was killed and does not end\n", b->command, pid);
	else
		front_wait(pid);
}

/* An id that nobody had yet when the agent died may be somebody else's by now. */
static bool front_has_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
}

/* Orphans come to us, one generation after the other, and have given back their ids when we end. */
static void front_clear_rest(const struct front_building *b)
{
	bool found = true;

	while (found) {
		found = false;
		for (size_t i = 0; i < b->npids; i++) {
			if (!front_has_child(b->pids[i]))
				continue;
			kill(b->pids[i], SIGKILL);
			front_wait_killed(b, b->pids[i]);
			found = !front_has_child(b->pids[i]) || found;
		}
	}
}

/*
 * The agent was killed. What it traced dies with it; what it had just let go, or not yet seized, dies here.
 */
static void front_clear(const struct front_building *b)
{
	kill(b->child, SIGKILL);
	front_wait_killed(b, b->child);
	front_clear_rest(b);
	if (b->clear)
		b->clear(b->clear_data);
}

/* Whatever there is: it comes to us, generation by generation, as those above it end. */
static void front_clear_all(void)
{
	pid_t child;

	do {
		FILE *f = fopen("/proc/thread-self/children", "re");

		while (f && fscanf(f, "%d", &child) == 1)
			kill(procid_meant(child), SIGKILL);
		if (f)
			fclose(f);
	} while (waitpid(-1, NULL, __WALL) > 0);
}

static void __attribute__((noreturn)) front_lost(const struct front *f)
{
	if (f->foreground)
		terminal_give(getpgrp());
	if (f->building->ends) {
		fprintf(stderr,
			"%s: the agent was killed, and the program with it; checkpoints are as "
			"they were\n",
			f->building->command);
		front_clear_all();
	}
	if (!f->ready)
		front_clear(f->building);
	if (f->building->ends)
		_exit(f->ready ? 1 : 125);
	fprintf(stderr,
		f->ready ? "%s: the agent has ended; the program goes on by itself "
			   "(`cairn adopt PID` takes it up again)\n"
			 : "%s: the agent was killed while it rebuilt the program; nothing is "
			   "left of that, the checkpoint is as it was\n",
		f->building->command);
	_exit(f->ready ? 1 : 125);
}

/*
 * The agent may be waiting for what never comes; and it need not be asked: before we have answered it, all
 * that it has built ends with it.
 */
static void __attribute__((noreturn)) front_give_up(struct front *f, int signo)
{
	const struct front_building *b = f->building;

	front_clear(b);
	fprintf(stderr, "%s: ended by SIG%s before the program ran; the checkpoint is as it was\n",
		b->command, sigabbrev_np(signo));
	front_end(f, b->given_up(b->data, signo));
}

/* Before the answer; and not of what our caller has had us ignore (nohup). */
static bool front_gives_up(const struct front *f, int signo)
{
	uint64_t signals = front_end_signals | f->building->stop_signals;
	struct sigaction now = { .sa_handler = SIG_DFL };

	if (!f->building->given_up || f->ready || f->answered || signo > 64 ||
	    !(signals >> (signo - 1) & 1))
		return false;
	sigaction(signo, NULL, &now);
	return now.sa_handler != SIG_IGN;
}

/* What its group gets the program has got itself, where it is in it. */
static void front_watch_group(struct front *f)
{
	struct err err = ERR_INIT;

	if (!f->own_group && signals_watch_group(&f->signals, &err) < 0)
		fprintf(stderr, "%s: %s: signals for the whole job may come twice\n",
			f->building->command, err.msg);
}

static void front_message(struct front *f)
{
	int value = 0;
	int type = front_receive(f->fd, &value);

	switch (type) {
	case FRONT_GONE:
		front_lost(f);
	case FRONT_READY:
		f->ready = true;
		if (!f->building->ends)
			prctl(PR_SET_CHILD_SUBREAPER, f->building->subreaper);
		f->own_group = value;
		front_watch_group(f);
		break;
	case FRONT_BUILT:
		f->answered = true;
		front_send(f->fd, FRONT_GO, 0);
		break;
	case FRONT_TAKEN:
		f->taken = true;
		break;
	case FRONT_STOPPED:
		front_stop(f, value);
		break;
	case FRONT_OUTLASTED:
		f->outlasted = true;
		__attribute__((fallthrough));
	case FRONT_ENDED:
		front_end(f, value);
	}
}

static void front_continue(struct front *f)
{
	f->foreground = terminal_is_ours();
	front_tell(f, FRONT_CONTINUE, f->foreground);
	f->resumed = false;
}

/* The program does as well, without us; perhaps it has been stopped again since. */
static void front_goes_on(struct front *f)
{
	if (f->resumed)
		front_tell(f, FRONT_RESUMED, 0);
	f->resumed = false;
}

static void front_signal(struct front *f)
{
	struct signalfd_siginfo s;

	if (read(f->signals.fd, &s, sizeof(s)) != sizeof(s) || s.ssi_signo == SIGCHLD ||
	    front_is_woken(&s))
		return;
	if (front_gives_up(f, (int)s.ssi_signo))
		front_give_up(f, (int)s.ssi_signo);
	if (f->ready && !signals_meant_for(&f->signals, &s, f->own_group))
		front_goes_on(f);
	else if (s.ssi_signo == SIGCONT)
		front_continue(f);
	else
		front_tell(f, FRONT_SIGNAL, (int)s.ssi_signo);
}

static int64_t front_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* A large program takes its time; one that hangs looks the same. */
static void front_say_progress(struct front *f)
{
	static const char *const steps[] = { "beginning", "making processes and descriptors",
					     "filling memory", "making threads and settings",
					     "setting registers" };
	const struct front_progress *p = f->building->progress;
	uint32_t step = __atomic_load_n(&p->step, __ATOMIC_ACQUIRE);
	pid_t pid = __atomic_load_n(&p->pid, __ATOMIC_RELAXED);
	long long seconds = (front_clock() - f->began_ms) / 1000;
	char whom[64] = "";

	if (pid)
		snprintf(whom, sizeof(whom), ", waiting for process %d", pid);
	fprintf(stderr, "%s: not there yet after %lld s: %s%s\n", f->building->command, seconds,
		steps[step > FRONT_STEP_FINISH ? 0 : step], whom);
	f->tell_ms += f->tell_ms - f->began_ms;
}

/* Until when to wait for an event: of @timeout, and the next time to say something; -1: for ever. */
static int front_timeout(struct front *f, int timeout)
{
	int64_t left;

	if (!f->tell_ms || f->ready || f->answered)
		return timeout;
	if (front_clock() >= f->tell_ms)
		front_say_progress(f);
	left = f->tell_ms - front_clock();
	return timeout >= 0 && timeout < left ? timeout : left > 0 ? (int)left : 0;
}

int front_begin(void)
{
	int before = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &before);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return before;
}

void front_serve(int fd, bool foreground, const struct front_building *building)
{
	front_rebuild(fd, foreground, building);
	_exit(1); /* only a rebuild is begun anew */
}

void front_rebuild(int fd, bool foreground, const struct front_building *building)
{
	struct front f = { .fd = fd,
			   .foreground = foreground,
			   .building = building,
			   .ready = !building->child,
			   .own_group = building->own_group };
	int ended = building->child ? -1 : building->ended, timeout = -1;
	struct err err = ERR_INIT;

	if (building->progress) {
		f.began_ms = front_clock();
		f.tell_ms = f.began_ms + FRONT_TELL_MS;
	}
	fault_point("front.serving");

	if (signals_open(&f.signals, &err) < 0)
		fprintf(stderr, "%s: %s: signals are not passed on\n", building->command, err.msg);
	if (f.ready)
		front_watch_group(&f);
	while (!f.taken) {
		struct pollfd p[3] = { { .fd = fd, .events = POLLIN },
				       { .fd = f.signals.fd, .events = POLLIN },
				       { .fd = ended, .events = POLLIN } };

		if (poll(p, 3, front_timeout(&f, timeout)) < 0)
			continue;
		if (p[2].revents) {
			ended = -1;
			timeout = FRONT_WAKE_MS;
		}
		/* Until it says so: an agent that was just about to stop is not woken by the first. */
		if (timeout >= 0)
			building->wake(fd);
		if (p[1].revents)
			front_signal(&f);
		if (p[0].revents)
			front_message(&f);
	}
	/* It has undone itself what it had made; what else is there is what was in its way. */
	front_wait_killed(building, building->child);
	front_clear_rest(building);
	signals_close(&f.signals);
	close(fd);
}
