/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What arrives at a terminal is first kept as it came, and taken through its line discipline by a worker
 * of the kernel soon after. poll(2) has that done at once where there is nothing to read yet; where there
 * is, stopping the output before and starting it again behind what was written tells when it is done.
 */
#include "res/pty_queue.h"

#include "res/pty.h"

#include <asm/termbits.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	QUEUE_FIRST = 2048, /* bytes: less than a line discipline keeps */
	QUEUE_ROOM = 4090, /* bytes of input that it takes in */
	QUEUE_WAIT_MS = 5000, /* for the kernel's worker */
	QUEUE_EOF = 0x04,
	QUEUE_QUOTE = 0x16,
};

struct queue {
	int master, slave;
	const struct img_pty *p;
	bool canonical;
	uint8_t buf[PTY_QUEUE_MAX * 2]; /* what is typed, with every special character quoted */
	size_t n;
};

/* poll flushes as well: see above. */
static bool queue_is(int fd, short what)
{
	struct pollfd p = { .fd = fd, .events = what };

	return poll(&p, 1, 0) == 1 && p.revents & what;
}

static int queue_settings(const struct queue *q, const struct img_pty *p, struct err *err)
{
	int rc = pty_set_settings(q->slave, p);

	return rc < 0 ? err_set(err, rc, "change settings of /dev/pts/%u", p->index) : 0;
}

/* As they are, but nothing is translated, echoed, or acted on; where there are no lines, no special ones. */
static void queue_plain(struct img_pty *t, const struct img_pty *p, bool canonical)
{
	*t = *p;
	t->termios[0] &= ~(uint32_t)(ISTRIP | INLCR | IGNCR | ICRNL | IUCLC | PARMRK | IXANY);
	t->termios[1] &= ~(uint32_t)OPOST;
	t->termios[3] &= ~(uint32_t)(ECHO | ECHONL | ISIG | ICANON | EXTPROC);
	for (size_t i = 0; i < sizeof(t->cc); i++)
		if (i != VEOL && i != VEOL2)
			t->cc[i] = 0;
	if (canonical) {
		t->termios[3] |= ICANON | IEXTEN;
		t->cc[VEOF] = QUEUE_EOF;
		t->cc[VLNEXT] = QUEUE_QUOTE;
	}
}

static bool queue_ends_line(const struct img_pty *p, uint8_t c)
{
	return c == '\n' || (c && (c == p->cc[VEOL] || c == p->cc[VEOL2]));
}

static int queue_take_output(struct queue *q, struct img_pty *p, uint8_t *bytes, struct err *err)
{
	uint8_t *to = bytes, *end = bytes + PTY_QUEUE_MAX / 2;
	int off = 0;

	if (queue_is(q->master, POLLPRI))
		return err_say(err, EAGAIN,
			       "nobody has read yet that the state of terminal /dev/pts/%u has "
			       "changed (packet mode); try again in a moment",
			       p->index);
	/* Else the master would be told of what we change in between. */
	if (p->flags & IMG_PTY_PACKET && ioctl(q->master, TIOCPKT, &off) < 0)
		return err_set(err, errno, "leave the packet mode of /dev/pts/%u", p->index);
	while (queue_is(q->master, POLLIN) && to < end) {
		ssize_t n = read(q->master, to, QUEUE_FIRST);

		if (n <= 0)
			break;
		to += (size_t)n;
	}
	p->output_len = (uint32_t)(to - bytes);
	if (!queue_is(q->slave, POLLOUT))
		p->flags |= IMG_PTY_STOPPED;
	return 0;
}

static uint8_t *queue_add_line(uint8_t *to, uint32_t head, size_t len)
{
	head |= (uint32_t)len;
	memcpy(to, &head, sizeof(head));
	return to + sizeof(head) + len;
}

static uint8_t *queue_take_lines(struct queue *q, const struct img_pty *p, uint8_t *to,
				 const uint8_t *end)
{
	while (queue_is(q->slave, POLLIN) && to + QUEUE_FIRST * 2 < end) {
		uint8_t *line = to + sizeof(uint32_t);
		ssize_t n = read(q->slave, line, (size_t)(end - line));

		if (n < 0)
			break;
		to = queue_add_line(to, n && queue_ends_line(p, line[n - 1]) ? 0 : IMG_PTY_LINE_EOF,
				    (size_t)n);
	}
	return to;
}

/* What is in no line (yet): the only way to see it is to say that lines do not matter. */
static int queue_take_rest(struct queue *q, const struct img_pty *p, uint8_t **to,
			   const uint8_t *end, struct err *err)
{
	uint8_t *line = *to + sizeof(uint32_t);
	struct img_pty plain;
	size_t have = 0;
	ssize_t n;
	int rc;

	queue_plain(&plain, p, false);
	rc = queue_settings(q, &plain, err);
	if (rc < 0)
		return rc;
	while (line + have < end &&
	       (n = read(q->slave, line + have, (size_t)(end - line) - have)) > 0)
		have += (size_t)n;
	if (have)
		*to = queue_add_line(*to, IMG_PTY_LINE_PART, have);
	return 0;
}

int pty_queue_take(int master, int slave, struct img_pty *p, uint8_t *bytes, struct err *err)
{
	static struct queue q;
	const uint8_t *end = bytes + PTY_QUEUE_MAX;
	uint8_t *start, *to;
	int waiting = 0, rc;

	q = (struct queue){ .master = master, .slave = slave, .p = p };
	rc = queue_take_output(&q, p, bytes, err);
	if (rc < 0)
		return rc;
	start = to = bytes + p->output_len;
	queue_is(slave, POLLIN);
	if (p->termios[3] & ICANON)
		to = queue_take_lines(&q, p, to, end);
	else
		ioctl(slave, FIONREAD, &waiting);
	if (p->termios[3] & ICANON || waiting)
		rc = queue_take_rest(&q, p, &to, end, err);
	p->input_len = (uint32_t)(to - start);
	return rc;
}

static void queue_type(struct queue *q, uint8_t c)
{
	q->buf[q->n++] = c;
}

static void queue_type_line(struct queue *q, uint32_t head, const uint8_t *line)
{
	size_t len = head & IMG_PTY_LINE_LEN;

	for (size_t i = 0; i < len; i++) {
		uint8_t c = line[i];
		bool last = i + 1 == len && !(head & (IMG_PTY_LINE_EOF | IMG_PTY_LINE_PART));

		if (q->canonical &&
		    (queue_ends_line(q->p, c) ? !last : c == QUEUE_EOF || c == QUEUE_QUOTE))
			queue_type(q, QUEUE_QUOTE);
		queue_type(q, c);
	}
	if (head & IMG_PTY_LINE_EOF)
		queue_type(q, QUEUE_EOF);
}

/* Two characters that are not among those to be typed; false: every one is. */
static bool queue_choose_signs(const struct queue *q, uint8_t signs[2])
{
	bool used[256] = { true };
	size_t found = 0;

	for (size_t i = 0; i < q->n; i++)
		used[q->buf[i]] = true;
	for (size_t i = 0; i < sizeof(q->p->cc); i++)
		used[q->p->cc[i]] = true;
	used['\n'] = used[QUEUE_EOF] = used[QUEUE_QUOTE] = true;
	for (unsigned int c = 1; c < 256 && found < 2; c++)
		if (!used[c])
			signs[found++] = (uint8_t)c;
	return found == 2;
}

static int queue_write(int fd, const uint8_t *bytes, size_t len, const struct img_pty *p,
		       struct err *err)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);
		struct pollfd room = { .fd = fd, .events = POLLOUT };

		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN) {
			return err_set(err, errno, "write to terminal /dev/pts/%u", p->index);
		} else if (poll(&room, 1, QUEUE_WAIT_MS) != 1) {
			return err_say(err, ETIMEDOUT, "terminal /dev/pts/%u takes nothing in",
				       p->index);
		}
	}
	return 0;
}

/* Stop the output, type, start it again: when it has started everything is where it belongs. */
static int queue_type_all(struct queue *q, struct err *err)
{
	size_t now = q->n > QUEUE_ROOM ? QUEUE_ROOM : q->n;
	struct pollfd started = { .fd = q->slave, .events = POLLOUT };
	struct img_pty plain;
	uint8_t signs[2] = { 0 };
	bool fence = queue_choose_signs(q, signs);
	int rc;

	queue_plain(&plain, q->p, q->canonical);
	plain.termios[0] |= IXON;
	plain.cc[VSTART] = signs[0];
	plain.cc[VSTOP] = signs[1];
	rc = queue_settings(q, &plain, err);
	if (rc >= 0 && fence)
		rc = queue_write(q->master, &signs[1], 1, q->p, err);
	queue_is(q->slave, POLLIN);
	if (rc >= 0)
		rc = queue_write(q->master, q->buf, now, q->p, err);
	if (rc >= 0 && fence)
		rc = queue_write(q->master, &signs[0], 1, q->p, err);
	if (!queue_is(q->slave, POLLIN) || !fence || rc < 0)
		return rc;
	if (poll(&started, 1, QUEUE_WAIT_MS) != 1)
		return err_say(err, ETIMEDOUT, "terminal /dev/pts/%u takes nothing in",
			       q->p->index);
	return 0;
}

static int queue_put_input(struct queue *q, const uint8_t *bytes, struct err *err)
{
	const uint8_t *end = bytes + q->p->input_len;
	uint32_t head;

	while ((size_t)(end - bytes) > sizeof(head)) {
		size_t len;

		memcpy(&head, bytes, sizeof(head));
		bytes += sizeof(head);
		len = head & IMG_PTY_LINE_LEN;
		if (len > (size_t)(end - bytes) || len * 2 + 1 > sizeof(q->buf) - q->n)
			return err_say(err, EBADMSG,
				       "what was typed into /dev/pts/%u makes no sense",
				       q->p->index);
		queue_type_line(q, head, bytes);
		bytes += len;
	}
	return q->n ? queue_type_all(q, err) : 0;
}

static int queue_put_output(struct queue *q, const uint8_t *bytes, struct err *err)
{
	size_t len = q->p->output_len, first = len > QUEUE_FIRST ? QUEUE_FIRST : len;
	struct img_pty plain;
	int rc;

	queue_plain(&plain, q->p, q->p->termios[3] & ICANON);
	plain.termios[0] &= ~(uint32_t)IXON;
	rc = queue_settings(q, &plain, err);
	if (rc >= 0)
		rc = queue_write(q->slave, bytes, first, q->p, err);
	queue_is(q->master, POLLIN); /* has it taken in, and makes room */
	return rc < 0 ? rc : queue_write(q->slave, bytes + first, len - first, q->p, err);
}

/* Stopped as the user does it, where that can be. */
static void queue_stop(const struct queue *q)
{
	uint8_t stop = q->p->cc[VSTOP];

	if (q->p->termios[0] & IXON && stop)
		(void)!write(q->master, &stop, 1);
	else
		ioctl(q->slave, TCXONC, TCOOFF);
	queue_is(q->slave, POLLIN);
}

int pty_queue_put(int master, int slave, const struct img_pty *p, const uint8_t *bytes,
		  struct err *err)
{
	static struct queue q;
	struct img_pty started = *p;
	bool stopped = p->flags & IMG_PTY_STOPPED;
	int rc = 0, restored;

	q = (struct queue){
		.master = master, .slave = slave, .p = p, .canonical = p->termios[3] & ICANON
	};
	if (stopped) {
		started.termios[0] &= ~(uint32_t)IXON; /* which starts it as well */
		ioctl(slave, TCXONC, TCOON);
		rc = queue_settings(&q, &started, err);
	}
	if (rc >= 0)
		rc = queue_put_input(&q, bytes + p->output_len, err);
	if (rc >= 0 && p->output_len)
		rc = queue_put_output(&q, bytes, err);
	restored = queue_settings(&q, p, rc < 0 ? NULL : err);
	if (rc >= 0 && q.n > QUEUE_ROOM)
		rc = queue_write(master, q.buf + QUEUE_ROOM, q.n - QUEUE_ROOM, p, err);
	if (stopped)
		queue_stop(&q);
	return rc < 0 ? rc : restored;
}
