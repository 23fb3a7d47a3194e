/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/join.h"
#include "base/owned.h"
#include "base/sys.h"
#include "coord/agent_state.h"
#include "coord/join_start.h"
#include "coord/members.h"
#include "host/log.h"
#include "host/proc.h"
#include "restart/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct joined {
	struct joined *next;
	struct agent *agent;
	pid_t pid; /* 0: its program has not come yet */
	int line; /* to its front; -1: it has none (any more) */
	int pidfd; /* of one that is not our child; or -1 */
	uv_poll_t poll; /* of line, or of pidfd */
	bool polled;
	bool own_group; /* another than its front's */
	struct res_stream streams[3]; /* its fds are ours, or -1 */
};

enum { JOIN_BACKLOG = 64 };

static void join_free(struct joined *j)
{
	for (int i = 0; i < 3; i++)
		owned_fd_done(&j->streams[i].fd);
	owned_fd_done(&j->line);
	owned_fd_done(&j->pidfd);
	free(j);
}

static void join_closed(uv_handle_t *h)
{
	join_free(h->data);
}

/* Out of the list, and away when the loop is done with it. */
static void join_remove(struct joined *j)
{
	struct joined **p = &j->agent->joined;

	while (*p && *p != j)
		p = &(*p)->next;
	if (*p)
		*p = j->next;
	if (j->polled)
		uv_close((uv_handle_t *)&j->poll, join_closed);
	else
		join_free(j);
}

static struct joined *join_add(struct agent *a, pid_t pid, int line)
{
	struct joined *j = calloc(1, sizeof(*j)), **p = &a->joined;

	if (!j)
		return NULL;
	*j = (struct joined){ .agent = a, .pid = pid, .line = line, .pidfd = -1 };
	for (int i = 0; i < 3; i++)
		j->streams[i] = (struct res_stream){ .number = i, .fd = -1 };
	while (*p)
		p = &(*p)->next;
	*p = j;
	return j;
}

static struct joined *join_find(const struct agent *a, pid_t pid)
{
	struct joined *j = a->joined;

	while (j && j->pid != pid)
		j = j->next;
	return j;
}

bool join_is_joined(const struct agent *a, pid_t pid)
{
	return pid > 0 && join_find(a, pid);
}

bool join_is_coming(const struct agent *a)
{
	for (const struct joined *j = a->joined; j; j = j->next)
		if (!j->pid)
			return true;
	return false;
}

size_t join_count(const struct agent *a)
{
	size_t n = 0;

	for (const struct joined *j = a->joined; j; j = j->next)
		n += j->pid > 0;
	return n;
}

void join_add_pids(const struct agent *a, json_t *array)
{
	for (const struct joined *j = a->joined; j; j = j->next)
		if (j->pid > 0)
			json_array_append_new(array, json_integer(j->pid));
}

pid_t join_first(const struct agent *a)
{
	for (const struct joined *j = a->joined; j; j = j->next)
		if (j->pid > 0)
			return j->pid;
	return 0;
}

/* The program is not ours to close anything for: of pipes and sockets we keep only what they are. */
static void join_keep_streams(struct joined *j, int *fds, uint32_t closed)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;

		if (closed >> i & 1 || fstat(fds[i], &st))
			continue;
		j->streams[i].dev = st.st_dev;
		j->streams[i].ino = st.st_ino;
		if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode))
			j->streams[i].fd = owned_fd_take(&fds[i]);
	}
}

/* The front has gone; its program goes on. */
static void join_front_gone(struct joined *j)
{
	uv_poll_stop(&j->poll);
	log_info("join", "the front of process %d has gone", j->pid);
	shutdown(j->line, SHUT_RDWR);
}

static void join_message(const struct joined *j, int type, int value)
{
	struct signalfd_siginfo si = { .ssi_signo = (uint32_t)value, .ssi_code = SI_USER };
	pid_t group = getpgid(j->pid);

	if (type == FRONT_SIGNAL && value > 0 && value <= SIGRTMAX)
		signals_pass(&si, j->pid);
	else if (type == FRONT_CONTINUE && j->own_group && group > 0)
		kill(-group, SIGCONT);
	else if (type == FRONT_CONTINUE && proc_state(j->pid) == 'T')
		kill(j->pid, SIGCONT);
	else if (type == FRONT_RESUMED && proc_state(j->pid) == 'T') /* again */
		front_send(j->line, FRONT_STOPPED, SIGTSTP);
}

static void join_hear(struct joined *j)
{
	int value = 0, type;

	while ((type = front_receive(j->line, &value)) != -EAGAIN) {
		if (type == FRONT_GONE) {
			join_front_gone(j);
			return;
		}
		join_message(j, type, value);
	}
}

static void join_answer(const struct joined *j, bool exec_failed, uint32_t own_group,
			const struct err *err)
{
	struct join_answer answer = {
		.num = err->num, .exec_failed = exec_failed, .pid = j->pid, .own_group = own_group
	};

	memcpy(answer.msg, err->msg, sizeof(answer.msg));
	if (send(j->line, &answer, sizeof(answer), MSG_NOSIGNAL) < 0)
		log_error("join", "no answer: %s", err_text(errno));
}

/* With our rights a program of somebody else would run with them too; root's included. */
static int join_check_user(const struct agent *a, int line, struct err *err)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return err_set(err, errno, "user of who joins");
	if (peer.uid == geteuid())
		return 0;
	return err_say(err, EPERM, "computation '%s' is of user %u, and only that one can join it",
		       a->rundir.name, geteuid());
}

/* Its first message: the program. */
static void join_begin(struct joined *j)
{
	struct join_start start = { 0 };
	struct err err = ERR_INIT;
	struct agent *a = j->agent;
	int rc = join_start_receive(&start, j->line, &err);

	if (rc == -EAGAIN)
		return;
	if (rc >= 0)
		rc = join_check_user(a, j->line, &err);
	if (rc >= 0 && (!a->root || a->root_ended || a->leave || a->asked_to_stop))
		rc = err_say(&err, ESRCH, "computation '%s' is not running any more",
			     a->rundir.name);
	if (rc >= 0)
		rc = join_start_run(&start, j->line, &a->signals, &err);
	if (rc >= 0) {
		j->pid = start.pid;
		j->own_group = start.own_group;
		join_keep_streams(j, start.fds, start.program.closed);
		log_info("join", "started '%s' as pid %d", start.path, j->pid);
	} else {
		log_info("join", "not joined: %s", err.msg);
	}
	join_answer(j, start.exec_failed, start.own_group, &err);
	join_start_done(&start);
	if (rc < 0)
		join_remove(j);
}

static void join_on_line(uv_poll_t *poll, int status, int events)
{
	struct joined *j = poll->data;

	(void)status;
	(void)events;
	if (j->pid)
		join_hear(j);
	else
		join_begin(j);
}

static void join_on_door(uv_poll_t *poll, int status, int events)
{
	struct agent *a = poll->data;
	OWNED_FD int line = accept4(a->join_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct joined *j;

	(void)status;
	(void)events;
	if (line < 0 || !(j = join_add(a, 0, line)))
		return;
	if (uv_poll_init(&a->loop, &j->poll, owned_fd_take(&line))) {
		join_remove(j);
		return;
	}
	j->polled = true;
	j->poll.data = j;
	uv_poll_start(&j->poll, UV_READABLE, join_on_line);
}

int join_open(struct agent *a, struct err *err)
{
	a->join_fd = rundir_listen(a->rundir.dirfd, "join.sock", SOCK_SEQPACKET, JOIN_BACKLOG, err);
	if (a->join_fd < 0)
		return a->join_fd;
	uv_poll_init(&a->loop, &a->join_poll, a->join_fd);
	a->join_poll.data = a;
	uv_poll_start(&a->join_poll, UV_READABLE, join_on_door);
	return 0;
}

void join_close(struct agent *a)
{
	struct joined *next;

	for (struct joined *j = a->joined; j; j = next) {
		next = j->next;
		join_free(j);
	}
	a->joined = NULL;
	owned_fd_done(&a->join_fd);
	a->join_fd = -1;
}

void join_listen_again(struct agent *a)
{
	listen(a->join_fd, JOIN_BACKLOG);
}

int join_take(struct agent *a, pid_t pid, struct err *err)
{
	return join_add(a, pid, -1) ? 0 : err_set(err, ENOMEM, "joined process %d", pid);
}

void join_ended(struct agent *a, pid_t pid, int wait_status)
{
	struct joined *j = pid > 0 ? join_find(a, pid) : NULL;

	if (!j)
		return;
	log_info("join", "process %d has ended: %s %d", pid,
		 WIFSIGNALED(wait_status) ? "signal" : "status",
		 WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
	if (j->line >= 0)
		front_send_status(j->line, wait_status);
	join_remove(j);
}

static void join_has_ended(struct agent *a, pid_t pid, int status)
{
	join_ended(a, pid, status);
	if (pid == a->root)
		children_root_ended(a, status);
}

static void join_on_end(uv_poll_t *poll, int status, int events)
{
	struct joined *j = poll->data;

	(void)status;
	(void)events;
	uv_poll_stop(poll);
	join_has_ended(j->agent, j->pid, agent_foreign_status(j->pidfd));
}

static int join_be_stranger(struct joined *j, struct err *err)
{
	j->pidfd = (int)sys2(__NR_pidfd_open, j->pid, 0);
	if (j->pidfd < 0)
		return err_set(err, j->pidfd, "process %d", j->pid);
	if (uv_poll_init(&j->agent->loop, &j->poll, j->pidfd))
		return err_set(err, EIO, "process %d", j->pid);
	j->polled = true;
	j->poll.data = j;
	uv_poll_start(&j->poll, UV_READABLE, join_on_end);
	return 0;
}

int join_be_strangers(struct agent *a, struct err *err)
{
	struct joined *next;
	int rc = 0;

	for (struct joined *j = a->joined; j && rc >= 0; j = next) {
		next = j->next;
		rc = join_be_stranger(j, err);
		if (rc == -ESRCH) {
			rc = 0;
			join_remove(j);
		}
	}
	return rc;
}

void join_members(const struct agent *a, struct members *members)
{
	OWNED_PTR pid_t *tops = calloc(join_count(a) + 1, sizeof(*tops));
	size_t n = 0;

	if (tops)
		tops[n++] = a->root;
	for (const struct joined *j = a->joined; tops && j; j = j->next)
		if (j->pid > 0)
			tops[n++] = j->pid;
	members_load(members, tops, n, a->signals.sentinel);
}

static void join_look_at(struct agent *a, struct joined *j)
{
	siginfo_t si = { 0 };
	int status;
	pid_t pid = j->pid, got = waitpid(pid, &status, WNOHANG);

	if (got < 0 && errno == ECHILD)
		status = W_EXITCODE(125, 0); /* lost */
	else if (got != pid || WIFSTOPPED(status))
		got = 0;
	if (got) {
		join_has_ended(a, pid, status);
		return;
	}
	while (!waitid(P_PID, (id_t)pid, &si, WSTOPPED | WCONTINUED | WNOHANG) && si.si_pid) {
		if (si.si_code == CLD_STOPPED && j->line >= 0)
			front_send(j->line, FRONT_STOPPED, si.si_status);
		si.si_pid = 0;
	}
}

void join_look(struct agent *a)
{
	struct joined *next;

	for (struct joined *j = a->joined; j; j = next) {
		next = j->next;
		if (j->pid && j->pidfd < 0)
			join_look_at(a, j);
	}
}

int join_tell(const struct agent *a, struct ckpt_options *o, struct join_told *told,
	      struct err *err)
{
	size_t n = join_count(a);

	told->streams = calloc(3 * (n + 1), sizeof(*told->streams));
	told->pids = calloc(n + 1, sizeof(*told->pids));
	if (!told->streams || !told->pids)
		return err_set(err, ENOMEM, "checkpoint");
	streams_tell(&a->streams, told->streams);
	o->nstreams = 3;
	for (const struct joined *j = a->joined; j; j = j->next) {
		if (!j->pid)
			continue;
		memcpy(&told->streams[o->nstreams], j->streams, sizeof(j->streams));
		o->nstreams += 3;
		told->pids[o->njoined++] = j->pid;
	}
	o->streams = told->streams;
	o->joined = told->pids;
	return 0;
}

void join_told_done(struct join_told *told)
{
	free(told->streams);
	free(told->pids);
	*told = (struct join_told){ 0 };
}
