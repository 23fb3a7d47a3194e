/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /proc/PID/fdinfo/N: what the kernel tells about an open file description. Kinds are told apart by
 * the lines that are there.
 *
 * The one rule: a line this parser does not know is skipped; one that it knows and cannot read is an
 * error. Lines that may come many times (epoll targets, inotify watches, locks) have iterators.
 */
#pragma once

#include "base/err.h"
#include "procfs/scan.h"

/* Which lines were there. */
enum {
	FDINFO_EVENTFD = 1 << 0,
	FDINFO_EPOLL = 1 << 1, /* at least one target: fdinfo_next_target */
	FDINFO_TIMERFD = 1 << 2,
	FDINFO_SIGNALFD = 1 << 3,
	FDINFO_INOTIFY = 1 << 4, /* at least one watch: fdinfo_next_watch */
	FDINFO_PIDFD = 1 << 5,
	FDINFO_LOCKS = 1 << 6, /* at least one lock: fdinfo_next_lock */
};

struct fdinfo {
	uint32_t has; /* FDINFO_* */
	int64_t pos;
	uint32_t flags; /* O_*, with O_CLOEXEC where the descriptor has it */
	int32_t mnt_id;
	uint64_t ino; /* 0 before Linux 5.14 */
	uint64_t eventfd_count;
	uint32_t eventfd_semaphore; /* 0 or 1; 0 also before Linux 6.5, which does not tell */
	uint64_t sigmask; /* of a signalfd: bit n-1 is signal n */
	int32_t clockid; /* of a timerfd */
	uint64_t ticks; /* expirations not yet read */
	uint32_t settime_flags; /* TFD_TIMER_* */
	int64_t value_ns, interval_ns; /* time left (0: disarmed) and period */
	int32_t pidfd_pid; /* in the reader's namespace; -1: it has been reaped; 0: not visible */
	uint32_t scm_fds; /* UNIX socket: descriptors in flight in its queue */
};

/* -EBADMSG with a message where a known line makes no sense. */
int fdinfo_parse(struct fdinfo *info, const char *text, size_t len, struct err *err);

struct fdinfo_target { /* what an epoll watches */
	int32_t fd; /* the number it was added under */
	uint32_t events;
	uint64_t data;
	int64_t pos;
	uint64_t ino;
	uint32_t sdev;
};

struct fdinfo_watch { /* of an inotify */
	int32_t wd;
	uint64_t ino;
	uint32_t sdev, mask, ignored_mask;
	uint32_t handle_type;
	struct scan handle; /* hexadecimal digits of the file handle; empty: none */
};

enum fdinfo_lock_type { FDINFO_POSIX = 1, FDINFO_OFD, FDINFO_FLOCK, FDINFO_LEASE };

struct fdinfo_lock {
	enum fdinfo_lock_type type;
	bool write;
	bool breaking; /* a lease that is to give way */
	int32_t pid; /* -1 for OFD locks */
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t start, end; /* end: the last byte, UINT64_MAX for "to the end of the file" */
};

/* Each walks a scan over the whole text and skips what is not its own; false at the end. */
bool fdinfo_next_target(struct scan *text, struct fdinfo_target *target);
bool fdinfo_next_watch(struct scan *text, struct fdinfo_watch *watch);
bool fdinfo_next_lock(struct scan *text, struct fdinfo_lock *lock);
