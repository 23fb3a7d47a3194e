/* SPDX-License-Identifier: Apache-2.0 */
/* What live tests ask /proc about themselves. Every function fails the test when it cannot tell. */
#pragma once

#include "live.h"

#include <dirent.h>

/* The whole of a file of /proc, NUL-terminated; truncated to @size. */
static inline void live_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	LIVE_CHECK(fd >= 0);
	while (len + 1 < size && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	close(fd);
}

static inline void live_maps(char *buf, size_t size)
{
	live_read("/proc/self/maps", buf, size);
}

static inline int live_count_maps(void)
{
	static char buf[1 << 20];
	int lines = 0;

	live_maps(buf, sizeof(buf));
	for (const char *c = buf; *c; c++)
		lines += *c == '\n';
	return lines;
}

static inline int live_count_dir(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	LIVE_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Does this line of maps or smaps begin an area that holds @p? */
static inline bool live_line_holds(const char *line, const void *p)
{
	unsigned long start, end;

	return sscanf(line, "%lx-%lx", &start, &end) == 2 && (unsigned long)p >= start &&
	       (unsigned long)p < end;
}

/* The first line beginning with @what ("VmFlags:", or "" for the head) about the area of @p, in smaps. */
static inline void live_smaps(const void *p, const char *what, char *line, size_t size)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false;
	unsigned long start, end;

	LIVE_CHECK(f);
	while (fgets(line, (int)size, f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			inside = live_line_holds(line, p);
		if (inside && !strncmp(line, what, strlen(what))) {
			char *newline = strchr(line, '\n');

			if (newline) /* every flag has a blank on both sides */
				*newline = ' ';
			fclose(f);
			return;
		}
	}
	live_fail("no '%s' for %p in smaps", what, p);
}

/* "rwxp" of the area of @p, into 64 bytes. */
static inline void live_protection(const void *p, char prot[64])
{
	char line[512];

	live_smaps(p, "", line, sizeof(line));
	LIVE_CHECK(sscanf(line, "%*s %63s", prot) == 1);
}

/* Wait until the thread that stores its id at @tid sleeps in the kernel; at most 10 s. */
static inline void live_await_thread(const pid_t *tid)
{
	const struct timespec tick = { .tv_nsec = 1000000 };
	char path[64], text[256];

	for (int i = 0; i < 10000; i++) {
		pid_t t = __atomic_load_n(tid, __ATOMIC_SEQ_CST);

		snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", t);
		text[0] = 'r';
		if (t)
			live_read(path, text, sizeof(text));
		if (text[0] != 'r') /* "running" */
			return;
		nanosleep(&tick, NULL);
	}
	live_fail("thread %d does not fall asleep: %s", *tid, text);
}

/* A thread that runs @run and sleeps in it (which says live_here(arg) first). */
static inline pthread_t live_sleeper(void *(*run)(void *), pid_t *tid)
{
	pthread_t t = live_thread(run, tid);

	live_await_thread(tid);
	return t;
}

/* In a sleeper: "here I go". */
static inline void live_here(void *tid)
{
	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
}
