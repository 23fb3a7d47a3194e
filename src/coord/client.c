/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/client.h"
#include "base/owned.h"
#include "coord/agent_state.h"
#include "host/json.h"
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENT_LINE_MAX = 1 << 20, CLIENT_WAKE_MS = 100 };

struct client {
	int fd;
	int timeout_ms; /* -1: none */
	char *line;
	size_t len; /* bytes in line */
};

/* The agent stopped itself so that its shell could see the program stop; see AGENT_WAKE. */
void client_wake(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && proc_state(peer.pid) == 'T')
		sigqueue(peer.pid, SIGCONT, (union sigval){ .sival_int = AGENT_WAKE });
}

int client_await(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n, piece;

	do {
		piece = timeout_ms < 0 || timeout_ms > CLIENT_WAKE_MS ? CLIENT_WAKE_MS : timeout_ms;
		n = poll(&p, 1, piece);
		if (timeout_ms > 0)
			timeout_ms -= piece;
		/* One that was just about to stop was not woken by the first. */
		if (n == 0)
			client_wake(fd);
	} while (n == 0 && timeout_ms);
	return n;
}

int client_connect(const struct rundir_entry *e, const char *file, int type, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	OWNED_FD int dirfd = open(e->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	OWNED_FD int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	if (dirfd < 0 || fd < 0)
		return err_set(err, errno, "reach the agent of '%s'", e->name);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", dirfd, file);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		return err_set(err, errno, "reach the agent of '%s'", e->name);
	return owned_fd_take(&fd);
}

static int client_send(int fd, const json_t *request, struct err *err)
{
	OWNED_PTR char *line = json_to_line(request);
	const char *p = line;
	size_t left = line ? strlen(line) : 0;

	if (!line)
		return err_set(err, ENOMEM, "request");
	while (left) {
		ssize_t n = send(fd, p, left, MSG_NOSIGNAL);

		if (n < 0)
			return err_set(err, errno, "ask the agent");
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int client_fill(struct client *c, struct err *err)
{
	ssize_t n;

	if (c->len == CLIENT_LINE_MAX)
		return err_say(err, EPROTO, "the agent's answer is too long");
	n = client_await(c->fd, c->timeout_ms);
	if (n == 0)
		return err_say(err, ETIMEDOUT, "the agent does not answer");
	if (n > 0)
		n = read(c->fd, c->line + c->len, CLIENT_LINE_MAX - c->len);
	if (n < 0 && errno != ECONNRESET)
		return errno == EINTR ? 0 : err_set(err, errno, "hear the agent");
	if (n <= 0)
		return err_say(err, ECONNRESET, "the agent has ended before it answered");
	c->len += (size_t)n;
	return 0;
}

/* The next line as JSON: a new reference, or NULL with @err. */
static json_t *client_next(struct client *c, struct err *err)
{
	json_error_t je;
	json_t *answer;
	size_t used;
	char *end;

	while (!(end = memchr(c->line, '\n', c->len)))
		if (client_fill(c, err) < 0)
			return NULL;
	used = (size_t)(end - c->line) + 1;
	answer = json_loadb(c->line, used, 0, &je);
	memmove(c->line, c->line + used, c->len - used);
	c->len -= used;
	if (!answer)
		err_say(err, EPROTO, "the agent's answer makes no sense: %s", je.text);
	return answer;
}

static json_t *client_wait(struct client *c, client_progress_fn *progress, struct err *err)
{
	for (;;) {
		OWNED_JSON json_t *answer = client_next(c, err);
		const json_t *error;
		json_t *result;

		if (!answer)
			return NULL;
		result = json_object_get(answer, "result");
		if (result)
			return json_incref(result);
		error = json_object_get(answer, "error");
		if (error) {
			err_say(err, (int)json_get_int(error, "errno", EIO), "%s",
				json_get_string(error, "message", "the agent reports an error"));
			return NULL;
		}
		if (progress)
			progress(json_object_get(answer, "progress"));
	}
}

json_t *client_ask(const struct rundir_entry *e, const json_t *request,
		   client_progress_fn *progress, unsigned int timeout_s, struct err *err)
{
	OWNED_FD int fd = client_connect(e, "control.sock", SOCK_STREAM, err);
	OWNED_PTR char *line = malloc(CLIENT_LINE_MAX);
	struct client c = { .fd = fd,
			    .line = line,
			    .timeout_ms = timeout_s ? (int)timeout_s * 1000 : -1 };

	if (fd < 0)
		return NULL;
	if (!line) {
		err_set(err, ENOMEM, "request");
		return NULL;
	}
	if (client_send(fd, request, err) < 0)
		return NULL;
	client_wake(fd);
	return client_wait(&c, progress, err);
}

json_t *client_command_to(const struct rundir_entry *e, const char *command, struct err *err)
{
	OWNED_JSON json_t *request = json_document();

	json_object_set_new(request, "command", json_string(command));
	return client_ask(e, request, NULL, 0, err);
}

json_t *client_command(const char *name, const char *command, struct err *err)
{
	struct rundir_entry e;

	return rundir_find(&e, name, err) < 0 ? NULL : client_command_to(&e, command, err);
}
