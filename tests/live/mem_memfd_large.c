/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Large memfds, however much of them is mapped, and by whom: all by two mappings, half, for reading only,
 * by a child alone, under guard pages, sealed against other writers; what was written by descriptor alone
 * counts, and holes stay holes.
 */
#include "live.h"

enum {
	PAGE = 4096,
	LEN = 3 << 20,
	HOLE = 1 << 20, /* the last MiB of each */
	GUARD_INSTALL = 102, /* MADV_GUARD_INSTALL, Linux 6.13 */
	FUTURE_WRITE = 0x10, /* F_SEAL_FUTURE_WRITE */
};

static char mark(int which, off_t at)
{
	return (char)(which * 31 + at / PAGE + 1);
}

static int make(int which)
{
	int fd = memfd_create("large", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	LIVE_CHECK(fd >= 0 && !ftruncate(fd, LEN));
	for (off_t at = 0; at < LEN - HOLE; at += PAGE) {
		char c = mark(which, at);

		LIVE_EQUAL(pwrite(fd, &c, 1, at + which), 1);
	}
	return fd;
}

static void check(int which, int fd)
{
	struct stat st;

	LIVE_CHECK(!fstat(fd, &st) && st.st_size == LEN && st.st_blocks <= (LEN - HOLE) / 512);
	for (off_t at = 0; at < LEN; at += PAGE) {
		char c = 1, want = at < LEN - HOLE ? mark(which, at) : 0;

		LIVE_EQUAL(pread(fd, &c, 1, at + which), 1);
		LIVE_EQUAL(c, want);
	}
}

static char *map(int fd, off_t from, size_t len, int prot)
{
	char *at = mmap(NULL, len, prot, MAP_SHARED, fd, from);

	LIVE_CHECK(at != MAP_FAILED);
	return at;
}

int main(void)
{
	enum { TWICE, HALF, READ, CHILD, GUARDED, SEALED, UNMAPPED, KINDS };
	int fd[KINDS], reader, to[2], from[2];
	char *high, *low, *half, *read_only, *guarded, *sealed, via[64], c = 0;
	int status;
	pid_t child;

	for (int i = 0; i < KINDS; i++)
		fd[i] = make(i);
	high = map(fd[TWICE], LEN / 2 / PAGE * PAGE, LEN - LEN / 2 / PAGE * PAGE,
		   PROT_READ | PROT_WRITE);
	low = map(fd[TWICE], 0, LEN / 2 / PAGE * PAGE + PAGE, PROT_NONE);
	half = map(fd[HALF], 0, LEN / 2, PROT_READ | PROT_WRITE);
	snprintf(via, sizeof(via), "/proc/self/fd/%d", fd[READ]);
	reader = open(via, O_RDONLY | O_CLOEXEC);
	LIVE_CHECK(reader >= 0);
	read_only = map(reader, 0, LEN, PROT_READ);
	guarded = map(fd[GUARDED], 0, LEN, PROT_READ | PROT_WRITE);
	(void)!madvise(guarded + PAGE, 4 * PAGE, GUARD_INSTALL); /* where there are such */
	sealed = map(fd[SEALED], 0, LEN, PROT_READ | PROT_WRITE);
	(void)!fcntl(fd[SEALED], F_ADD_SEALS, FUTURE_WRITE | F_SEAL_SHRINK);
	LIVE_CHECK(!pipe(to) && !pipe(from));
	child = fork();
	LIVE_CHECK(child >= 0);
	if (!child) {
		char *all = map(fd[CHILD], 0, LEN, PROT_READ | PROT_WRITE);

		close(to[1]);
		LIVE_EQUAL(write(from[1], "m", 1), 1);
		LIVE_EQUAL(read(to[0], &c, 1), 1);
		LIVE_EQUAL(all[CHILD], mark(CHILD, 0));
		all[1] = 'c';
		_exit(0);
	}
	LIVE_EQUAL(read(from[0], &c, 1), 1);
	live_ready();
	for (int i = 0; i < KINDS; i++)
		check(i, fd[i]);
	LIVE_CHECK(!mprotect(low, PAGE, PROT_READ | PROT_WRITE));
	low[1] = high[PAGE * 2 + 1] = half[1] = sealed[1] = 'w';
	LIVE_CHECK(pread(fd[TWICE], &c, 1, 1) == 1 && c == 'w');
	LIVE_CHECK(pread(fd[TWICE], &c, 1, LEN / 2 / PAGE * PAGE + 2 * PAGE + 1) == 1 && c == 'w');
	LIVE_CHECK(pread(fd[HALF], &c, 1, 1) == 1 && c == 'w');
	LIVE_CHECK(pread(fd[SEALED], &c, 1, 1) == 1 && c == 'w');
	LIVE_EQUAL(pwrite(fd[READ], "r", 1, 1), 1);
	LIVE_EQUAL(read_only[1], 'r');
	LIVE_EQUAL(write(to[1], "g", 1), 1);
	LIVE_CHECK(waitpid(child, &status, 0) == child && !status);
	LIVE_CHECK(pread(fd[CHILD], &c, 1, 1) == 1 && c == 'c');
	return 0;
}
