/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/fdinfo.h"

#include <asm/errno.h>

enum fdinfo_type {
	FDINFO_INT,
	FDINFO_INT64,
	FDINFO_U32,
	FDINFO_OCTAL,
	FDINFO_U64,
	FDINFO_HEX,
	FDINFO_TIME
};

static const struct {
	const char *key;
	enum fdinfo_type type;
	size_t field;
	uint32_t has;
} fdinfo_lines[] = {
	{ "pos:", FDINFO_INT64, offsetof(struct fdinfo, pos), 0 },
	{ "flags:", FDINFO_OCTAL, offsetof(struct fdinfo, flags), 0 },
	{ "mnt_id:", FDINFO_INT, offsetof(struct fdinfo, mnt_id), 0 },
	{ "ino:", FDINFO_U64, offsetof(struct fdinfo, ino), 0 },
	{ "eventfd-count:", FDINFO_HEX, offsetof(struct fdinfo, eventfd_count), FDINFO_EVENTFD },
	{ "eventfd-semaphore:", FDINFO_U32, offsetof(struct fdinfo, eventfd_semaphore), 0 },
	{ "sigmask:", FDINFO_HEX, offsetof(struct fdinfo, sigmask), FDINFO_SIGNALFD },
	{ "clockid:", FDINFO_INT, offsetof(struct fdinfo, clockid), FDINFO_TIMERFD },
	{ "ticks:", FDINFO_U64, offsetof(struct fdinfo, ticks), 0 },
	{ "settime flags:", FDINFO_OCTAL, offsetof(struct fdinfo, settime_flags), 0 },
	{ "it_value:", FDINFO_TIME, offsetof(struct fdinfo, value_ns), 0 },
	{ "it_interval:", FDINFO_TIME, offsetof(struct fdinfo, interval_ns), 0 },
	{ "Pid:", FDINFO_INT, offsetof(struct fdinfo, pidfd_pid), FDINFO_PIDFD },
	{ "scm_fds:", FDINFO_U32, offsetof(struct fdinfo, scm_fds), 0 },
};

/* "(seconds, nanoseconds)" */
static bool fdinfo_time(struct scan *s, int64_t *ns)
{
	const uint64_t second = 1000000000;
	uint64_t sec, nsec;

	scan_blanks(s);
	if (!scan_text(s, "(") || !scan_unsigned(s, 10, &sec) || !scan_text(s, ",") ||
	    !scan_unsigned(s, 10, &nsec) || nsec >= second)
		return false;
	if (sec >= INT64_MAX / second)
		*ns = INT64_MAX; /* KTIME_MAX and the like */
	else
		*ns = (int64_t)(sec * second + nsec);
	return true;
}

static bool fdinfo_value(struct scan *s, enum fdinfo_type type, void *field)
{
	switch (type) {
	case FDINFO_INT:
		return scan_int(s, field);
	case FDINFO_INT64:
		return scan_signed(s, field);
	case FDINFO_U32:
		return scan_u32(s, 10, field);
	case FDINFO_OCTAL:
		return scan_u32(s, 8, field);
	case FDINFO_U64:
		return scan_unsigned(s, 10, field);
	case FDINFO_HEX:
		return scan_unsigned(s, 16, field);
	case FDINFO_TIME:
		return fdinfo_time(s, field);
	}
	return false;
}

/* "tfd:        5 events:       19 data:         deadbeef  pos:0 ino:3 sdev:9" */
static bool fdinfo_target(struct scan line, struct fdinfo_target *t)
{
	struct scan *s = &line;

	*t = (struct fdinfo_target){ 0 };
	if (!scan_text(s, "tfd:") || !scan_int(s, &t->fd) || !scan_text(s, " events:") ||
	    !scan_u32(s, 16, &t->events) || !scan_text(s, " data:") ||
	    !scan_unsigned(s, 16, &t->data))
		return false;
	scan_blanks(s);
	return scan_text(s, "pos:") && scan_signed(s, &t->pos) && scan_text(s, " ino:") &&
	       scan_unsigned(s, 16, &t->ino) && scan_text(s, " sdev:") && scan_u32(s, 16, &t->sdev);
}

/* "inotify wd:1 ino:2b sdev:800001 mask:2 ignored_mask:0 fhandle-bytes:8 fhandle-type:1 f_handle:..." */
static bool fdinfo_watch(struct scan line, struct fdinfo_watch *w)
{
	struct scan *s = &line;
	uint32_t bytes, wd;

	*w = (struct fdinfo_watch){ .handle = { line.end, line.end } };
	if (!scan_text(s, "inotify wd:") || !scan_u32(s, 16, &wd) || wd > INT32_MAX ||
	    !scan_text(s, " ino:") || !scan_unsigned(s, 16, &w->ino) || !scan_text(s, " sdev:") ||
	    !scan_u32(s, 16, &w->sdev) || !scan_text(s, " mask:") || !scan_u32(s, 16, &w->mask) ||
	    !scan_text(s, " ignored_mask:") || !scan_u32(s, 16, &w->ignored_mask))
		return false;
	w->wd = (int32_t)wd;
	scan_blanks(s);
	if (!scan_text(s, "fhandle-bytes:"))
		return true;
	return scan_u32(s, 16, &bytes) && scan_text(s, " fhandle-type:") &&
	       scan_u32(s, 16, &w->handle_type) && scan_text(s, " f_handle:") &&
	       scan_word(s, &w->handle);
}

/* "lock:	1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF"; "->" before a kind is a waiter. */
static bool fdinfo_lock(struct scan line, struct fdinfo_lock *l)
{
	static const char *const types[] = { [FDINFO_POSIX] = "POSIX",
					     [FDINFO_OFD] = "OFDLCK",
					     [FDINFO_FLOCK] = "FLOCK",
					     [FDINFO_LEASE] = "LEASE" };
	struct scan *s = &line, word, mode;
	uint64_t number;

	*l = (struct fdinfo_lock){ 0 };
	if (!scan_text(s, "lock:") || !scan_unsigned(s, 10, &number) || !scan_text(s, ":") ||
	    !scan_word(s, &word))
		return false;
	for (unsigned int i = FDINFO_POSIX; i <= FDINFO_LEASE; i++)
		if (scan_text(&word, types[i]) && word.at == word.end)
			l->type = i;
	if (!l->type || !scan_word(s, &word) || !scan_word(s, &mode))
		return false;
	l->breaking = l->type == FDINFO_LEASE && scan_text(&word, "BREAKING");
	l->write = scan_text(&mode, "WRITE");
	if (!scan_int(s, &l->pid) || !scan_u32(s, 16, &l->dev_major) || !scan_text(s, ":") ||
	    !scan_u32(s, 16, &l->dev_minor) || !scan_text(s, ":") ||
	    !scan_unsigned(s, 10, &l->ino) || !scan_unsigned(s, 10, &l->start))
		return false;
	scan_blanks(s);
	if (scan_text(s, "EOF"))
		l->end = UINT64_MAX;
	else if (!scan_unsigned(s, 10, &l->end))
		return false;
	return true;
}

static bool fdinfo_is(struct scan line, const char *key)
{
	return scan_text(&line, key);
}

/* Lines that come many times: looked at for sense here, handed out by the iterators. */
static bool fdinfo_repeated(struct fdinfo *info, struct scan line, bool *known)
{
	struct fdinfo_target target;
	struct fdinfo_watch watch;
	struct fdinfo_lock lock;

	*known = true;
	if (fdinfo_is(line, "tfd:")) {
		info->has |= FDINFO_EPOLL;
		return fdinfo_target(line, &target);
	}
	if (fdinfo_is(line, "inotify ")) {
		info->has |= FDINFO_INOTIFY;
		return fdinfo_watch(line, &watch);
	}
	if (fdinfo_is(line, "lock:")) {
		info->has |= FDINFO_LOCKS;
		return fdinfo_lock(line, &lock);
	}
	*known = false;
	return true;
}

static bool fdinfo_line(struct fdinfo *info, struct scan line)
{
	bool known, good = fdinfo_repeated(info, line, &known);

	if (known)
		return good;
	for (size_t i = 0; i < sizeof(fdinfo_lines) / sizeof(fdinfo_lines[0]); i++) {
		if (!scan_text(&line, fdinfo_lines[i].key))
			continue;
		info->has |= fdinfo_lines[i].has;
		return fdinfo_value(&line, fdinfo_lines[i].type,
				    (char *)info + fdinfo_lines[i].field);
	}
	return true;
}

int fdinfo_parse(struct fdinfo *info, const char *text, size_t len, struct err *err)
{
	struct scan s = scan_over(text, len), line;

	*info = (struct fdinfo){ 0 };
	while (scan_line(&s, &line, true))
		if (!fdinfo_line(info, line))
			return err_set(err, EBADMSG, "/proc fdinfo: line '%.*s'",
				       (int)(scan_left(&line) < 120 ? scan_left(&line) : 120),
				       line.at);
	return 0;
}

bool fdinfo_next_target(struct scan *text, struct fdinfo_target *target)
{
	struct scan line;

	while (scan_line(text, &line, true))
		if (fdinfo_target(line, target))
			return true;
	return false;
}

bool fdinfo_next_watch(struct scan *text, struct fdinfo_watch *watch)
{
	struct scan line;

	while (scan_line(text, &line, true))
		if (fdinfo_watch(line, watch))
			return true;
	return false;
}

bool fdinfo_next_lock(struct scan *text, struct fdinfo_lock *lock)
{
	struct scan line;

	while (scan_line(text, &line, true))
		if (fdinfo_lock(line, lock))
			return true;
	return false;
}
