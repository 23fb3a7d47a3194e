/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every live test needs: a program that sets something up, is checkpointed, killed and
 * restarted without knowing it, and then checks that it is still there.
 *
 *	int main(void)
 *	{
 *		set up;
 *		live_ready();		checkpoint, kill -9, restart happen in here
 *		LIVE_CHECK(still so);
 *		return 0;
 *	}
 *
 * The one rule: a live test also passes when it is run plainly, with nothing happening in live_ready.
 *
 * Protocol with tests/drive, on standard input and output: "ready N\n" asks for N rounds; 'p' is answered
 * with "ready" again (is it there again?), 'g' means go on and check.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIVE_CHECK(cond)                                                                         \
	do {                                                                                     \
		if (!(cond))                                                                     \
			live_fail("%s:%d: does not hold: %s (errno %d: %s)", __FILE__, __LINE__, \
				  #cond, errno, strerror(errno));                                \
	} while (0)

/* Compares as long long and shows both. */
#define LIVE_EQUAL(got, want) \
	live_equal((long long)(got), (long long)(want), #got, __FILE__, __LINE__)

static inline void live_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static inline void live_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

static inline void live_equal(long long got, long long want, const char *what, const char *file,
			      int line)
{
	if (got != want)
		live_fail("%s:%d: %s is %lld (%#llx), not %lld (%#llx)", file, line, what, got,
			  (unsigned long long)got, want, (unsigned long long)want);
}

/* This kernel or machine cannot do what the test is about. */
static inline void live_skip(const char *why) __attribute__((noreturn));
static inline void live_skip(const char *why)
{
	fprintf(stderr, "%s\n", why);
	_exit(77);
}

static inline void live_say_ready(int rounds)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "ready %d\n", rounds);

	if (write(1, line, (size_t)n) != n)
		_exit(3);
}

/* Deal with one word from the driver; true if it was "go on". Blocks until there is one. */
static inline bool live_hear(int rounds)
{
	char word;

	if (read(0, &word, 1) != 1)
		live_fail("standard input: no word from the driver: %s", strerror(errno));
	if (word == 'p')
		live_say_ready(rounds);
	return word == 'g';
}

static inline void live_ready_rounds(int rounds)
{
	live_say_ready(rounds);
	while (!live_hear(rounds))
		;
}

static inline void live_ready(void)
{
	live_ready_rounds(2);
}

/*
 * For a test that must not block: live_begin once, then live_gone until it is true. It never blocks and
 * is no more than one poll.
 */
static inline void live_begin(void)
{
	live_say_ready(2);
}

static inline bool live_gone(void)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && live_hear(2);
}

static inline int64_t live_now_ns(clockid_t clock)
{
	struct timespec t;

	LIVE_CHECK(!clock_gettime(clock, &t));
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* An open file of @size bytes, all @fill, in the current directory (each test has its own). */
static inline int live_file(const char *name, size_t size, char fill)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	LIVE_CHECK(fd >= 0);
	for (size_t i = 0; i < size; i++)
		LIVE_CHECK(write(fd, &fill, 1) == 1);
	return fd;
}

/* All @len bytes are this word, again and again. */
static inline void live_words(const void *bytes, size_t len, uint64_t word)
{
	for (size_t at = 0; at < len; at += sizeof(word)) {
		uint64_t there;

		memcpy(&there, (const char *)bytes + at, sizeof(there));
		LIVE_EQUAL(there, word);
	}
}

/* A thread that must be there. */
static inline pthread_t live_thread(void *(*run)(void *), void *arg)
{
	pthread_t t;

	LIVE_CHECK(!pthread_create(&t, NULL, run, arg));
	return t;
}

/*
 * Wait until thread @tid of this process sleeps in the kernel. It is how a test knows that another thread
 * has reached the call it is about; /proc is the only place that tells, and yielding is enough.
 */
static inline void live_await_sleep(pid_t tid)
{
	char path[64], text[512], *state;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	for (;;) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

		LIVE_CHECK(n > 0);
		close(fd);
		text[n] = '\0';
		state = strrchr(text, ')');
		if (state && state[2] == 'S')
			return;
		sched_yield();
	}
}
