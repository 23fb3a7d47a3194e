/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that have moved on since the checkpoint: written over in place, shortened, put in another's
 * place, rotated away, removed. A restart finds them as they were, or the program would find what it
 * has not written.
 */
#include "live.h"

enum { WORDS = 1000, LINES = 7 };

static int place; /* written over in place; shorter and longer */
static int lines; /* rotated away every so often */
static int nlines;

static void write_words(int fd, int from, int to, int value)
{
	for (int i = from; i < to; i++)
		LIVE_CHECK(pwrite(fd, &value, sizeof(value), i * (off_t)sizeof(value)) ==
			   sizeof(value));
}

static void check_words(int fd, int value)
{
	struct stat st;
	int word;

	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_size, (WORDS - value % 100) * (off_t)sizeof(value));
	for (int i = 0; i < WORDS - value % 100; i += 111) {
		LIVE_CHECK(pread(fd, &word, sizeof(word), i * (off_t)sizeof(word)) == sizeof(word));
		LIVE_EQUAL(word, value);
	}
}

static void in_place(int n)
{
	check_words(place, n);
	n++;
	write_words(place, 0, WORDS / 2, n);
	LIVE_CHECK(!ftruncate(place, (WORDS - n % 100) * (off_t)sizeof(n)));
	write_words(place, WORDS / 2, WORDS - n % 100, n);
	check_words(place, n);
}

/* A new file for each state, put in the place of the one before when it is complete. */
static void atomically(int n)
{
	int fd = open("state.new", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	LIVE_CHECK(fd >= 0);
	write_words(fd, 0, WORDS / 2, n);
	sched_yield();
	write_words(fd, WORDS / 2, WORDS - n % 100, n);
	LIVE_CHECK(!rename("state.new", "state"));
	check_words(fd, n);
	close(fd);
	fd = open("state", O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(fd >= 0);
	close(fd);
}

static void rotate(void)
{
	off_t size;

	LIVE_CHECK(write(lines, "a line\n", 7) == 7);
	size = lseek(lines, 0, SEEK_END);
	LIVE_EQUAL(size, 7 * ++nlines);
	if (nlines < LINES)
		return;
	LIVE_CHECK(!rename("log", "log.old"));
	close(lines);
	lines = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	LIVE_CHECK(lines >= 0);
	nlines = 0;
}

static void scratch(int n)
{
	int fd = open("scratch", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST && !unlink("scratch")) /* left behind when it was killed */
		fd = open("scratch", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	LIVE_CHECK(fd >= 0);
	write_words(fd, 0, WORDS - n % 100, n);
	check_words(fd, n);
	LIVE_CHECK(!unlink("scratch") || errno == ENOENT);
	check_words(fd, n);
	close(fd);
}

static void *work(void *stop)
{
	for (int n = 0; !__atomic_load_n((int *)stop, __ATOMIC_SEQ_CST); n++) {
		in_place(n);
		atomically(n);
		rotate();
		scratch(n);
	}
	return NULL;
}

int main(void)
{
	static int stop;
	pthread_t t;

	place = open("place", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	lines = open("log", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	LIVE_CHECK(place >= 0 && lines >= 0);
	write_words(place, 0, WORDS, 0);
	t = live_thread(work, &stop);
	live_ready_rounds(3);
	__atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
