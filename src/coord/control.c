/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/control.h"
#include "base/owned.h"
#include "coord/rundir.h"
#include "host/json.h"
#include "host/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CONTROL_CLIENTS_MAX = 64,
	CONTROL_KEPT_MAX = 4096,
	CONTROL_LINE_MAX = 8192,
	CONTROL_BACKLOG = 64,
	CONTROL_SILENCE_MS = 10000, /* for a client that has not made its request */
	CONTROL_UNREAD_MAX = 65536, /* bytes waiting for a client before progress is left out */
};

enum client_state { CLIENT_READING, CLIENT_ASKED, CLIENT_ANSWERED, CLIENT_CLOSING };

struct control_client {
	struct control *control;
	struct control_client *next;
	uv_pipe_t pipe;
	uv_timer_t timer;
	int open_handles;
	enum client_state state;
	bool kept;
	char line[CONTROL_LINE_MAX];
	size_t len;
};

struct control {
	uv_pipe_t listener;
	uv_loop_t *loop;
	const struct control_ops *ops; /* NULL: closed */
	void *data;
	struct control_client *clients;
	unsigned int nclients; /* that take a place */
	unsigned int nkept;
	bool listener_open;
	bool waiting; /* a client at the door while all places are taken */
};

struct control_write {
	uv_write_t req;
	char *text;
};

static void control_accept(struct control *c);

/* A place may have become free. */
static void control_let_in(struct control *c)
{
	if (!c->waiting || !c->ops)
		return;
	c->waiting = false;
	control_accept(c);
}

static void control_free_if_done(struct control *c)
{
	if (!c->ops && !c->listener_open && !c->nclients && !c->nkept)
		free(c);
}

static void control_client_closed(uv_handle_t *h)
{
	struct control_client *k = h->data, **p;
	struct control *c = k->control;

	if (--k->open_handles)
		return;
	for (p = &c->clients; *p && *p != k; p = &(*p)->next)
		;
	if (*p)
		*p = k->next;
	if (k->kept)
		c->nkept--;
	else
		c->nclients--;
	free(k);
	control_let_in(c);
	control_free_if_done(c);
}

int control_keep(struct control_client *k)
{
	struct control *c = k->control;

	if (k->kept)
		return 0;
	if (c->nkept >= CONTROL_KEPT_MAX)
		return -EBUSY;
	k->kept = true;
	c->nkept++;
	c->nclients--;
	control_let_in(c);
	return 0;
}

static void control_drop(struct control_client *k)
{
	struct control *c = k->control;
	bool asked = k->state == CLIENT_ASKED;

	if (k->state == CLIENT_CLOSING)
		return;
	k->state = CLIENT_CLOSING;
	if (asked && c->ops)
		c->ops->gone(c->data, k);
	uv_close((uv_handle_t *)&k->pipe, control_client_closed);
	uv_close((uv_handle_t *)&k->timer, control_client_closed);
}

static void control_written(uv_write_t *req, int status)
{
	struct control_write *w = req->data;
	struct control_client *k = req->handle->data;

	free(w->text);
	free(w);
	if (status < 0 || (k->state == CLIENT_ANSWERED &&
			   !uv_stream_get_write_queue_size((uv_stream_t *)&k->pipe)))
		control_drop(k);
}

static void control_send(struct control_client *k, const char *key, const json_t *value)
{
	OWNED_JSON json_t *document = json_document();
	struct control_write *w = calloc(1, sizeof(*w));
	uv_buf_t buf;

	if (document)
		json_object_set(document, key, (json_t *)(uintptr_t)value);
	if (w)
		w->text = json_to_line(document);
	if (!w || !w->text) {
		free(w);
		control_drop(k);
		return;
	}
	w->req.data = w;
	buf = uv_buf_init(w->text, (unsigned int)strlen(w->text));
	if (uv_write(&w->req, (uv_stream_t *)&k->pipe, &buf, 1, control_written) < 0) {
		free(w->text);
		free(w);
		control_drop(k);
	}
}

static void control_silent(uv_timer_t *t)
{
	control_drop(t->data);
}

static void control_answer(struct control_client *k, const char *key, const json_t *value)
{
	if (k->state == CLIENT_CLOSING)
		return;
	k->state = CLIENT_ANSWERED;
	/* One that does not take its answer is not waited for either. */
	uv_timer_start(&k->timer, control_silent, CONTROL_SILENCE_MS, 0);
	control_send(k, key, value);
}

void control_progress(struct control_client *k, const json_t *value)
{
	if (k->state == CLIENT_ASKED &&
	    uv_stream_get_write_queue_size((uv_stream_t *)&k->pipe) < CONTROL_UNREAD_MAX)
		control_send(k, "progress", value);
}

void control_done(struct control_client *k, const json_t *value)
{
	control_answer(k, "result", value);
}

void control_fail(struct control_client *k, const struct err *err)
{
	OWNED_JSON json_t *e = json_object();

	json_object_set_new(e, "errno", json_integer(err->num));
	/* nocheck: a message may quote a file name that is not UTF-8. */
	json_object_set_new(e, "message", json_string_nocheck(err->msg));
	control_answer(k, "error", e);
}

static void control_refuse(struct control_client *k, const char *why)
{
	struct err err;

	err_say(&err, EINVAL, "%s", why);
	control_fail(k, &err);
}

static void control_line(struct control_client *k)
{
	OWNED_JSON json_t *request = json_loadb(k->line, k->len, 0, NULL);

	uv_timer_stop(&k->timer);
	if (!json_is_object(request)) {
		control_refuse(k, "the request is not a JSON object");
		return;
	}
	k->state = CLIENT_ASKED;
	k->control->ops->request(k->control->data, k, request);
}

/* Bytes land in the client's line; when that is full there is nothing more to read. */
static void control_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
	static char ignored[4096];
	struct control_client *k = h->data;

	(void)suggested;
	if (k->state == CLIENT_READING)
		*buf = uv_buf_init(k->line + k->len, (unsigned int)(sizeof(k->line) - k->len));
	else
		*buf = uv_buf_init(ignored, sizeof(ignored));
}

static void control_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct control_client *k = stream->data;
	char *end;

	(void)buf;
	if (n < 0) {
		control_drop(k);
		return;
	}
	if (k->state != CLIENT_READING)
		return; /* nothing is expected after the request */
	end = memchr(k->line + k->len, '\n', (size_t)n);
	k->len += (size_t)n;
	if (end) {
		k->len = (size_t)(end - k->line);
		control_line(k);
	} else if (k->len == sizeof(k->line)) {
		control_refuse(k, "the request is too long");
	}
}

static bool control_may_enter(const struct control_client *k)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&k->pipe, &fd) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (peer.uid == geteuid() || peer.uid == 0)
		return true;
	log_error("control", "user %u, pid %d turned away", peer.uid, peer.pid);
	return false;
}

static void control_accept(struct control *c)
{
	struct control_client *k = calloc(1, sizeof(*k));

	if (!k)
		return;
	k->control = c;
	k->next = c->clients;
	c->clients = k;
	c->nclients++;
	k->open_handles = 2;
	uv_pipe_init(c->loop, &k->pipe, 0);
	uv_timer_init(c->loop, &k->timer);
	k->pipe.data = k->timer.data = k;
	if (uv_accept((uv_stream_t *)&c->listener, (uv_stream_t *)&k->pipe) ||
	    !control_may_enter(k) ||
	    uv_read_start((uv_stream_t *)&k->pipe, control_alloc, control_read))
		control_drop(k);
	else
		uv_timer_start(&k->timer, control_silent, CONTROL_SILENCE_MS, 0);
}

/* One that is not accepted stays at the door, and those behind it in the kernel's queue. */
static void control_connection(uv_stream_t *listener, int status)
{
	struct control *c = listener->data;

	if (status < 0)
		return;
	if (c->nclients >= CONTROL_CLIENTS_MAX)
		c->waiting = true;
	else
		control_accept(c);
}

int control_open(struct control **control, uv_loop_t *loop, int dirfd,
		 const struct control_ops *ops, void *data, struct err *err)
{
	int fd = rundir_listen(dirfd, "control.sock", SOCK_STREAM, CONTROL_BACKLOG, err);
	struct control *c;

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		owned_fd_done(&fd);
		return err_set(err, ENOMEM, "control socket");
	}
	*c = (struct control){ .loop = loop, .ops = ops, .data = data, .listener_open = true };
	uv_pipe_init(loop, &c->listener, 0);
	c->listener.data = c;
	uv_pipe_open(&c->listener, fd);
	uv_listen((uv_stream_t *)&c->listener, CONTROL_BACKLOG, control_connection);
	*control = c;
	return 0;
}

void control_listen_again(struct control *c)
{
	int fd;

	if (uv_fileno((uv_handle_t *)&c->listener, &fd) == 0)
		listen(fd, CONTROL_BACKLOG);
}

static void control_listener_closed(uv_handle_t *h)
{
	struct control *c = h->data;

	c->listener_open = false;
	control_free_if_done(c);
}

void control_close(struct control *c)
{
	struct control_client *next;

	if (!c)
		return;
	c->ops = NULL;
	uv_close((uv_handle_t *)&c->listener, control_listener_closed);
	for (struct control_client *k = c->clients; k; k = next) {
		next = k->next;
		control_drop(k);
	}
}

bool control_is_idle(const struct control *c)
{
	return !c->nclients;
}
