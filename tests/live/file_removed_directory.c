/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A removed directory is one directory, however many descriptors are open for it and processes are in it; and
 * one that is only called as if it had been removed is itself.
 */
#include "live.h"

static ino_t inode(int fd)
{
	struct stat st;

	LIVE_CHECK(!fstat(fd, &st));
	return st.st_ino;
}

/* In another process: tells where it is when it is asked. */
static void child(int asked, int answer)
{
	struct stat st;
	char c;

	if (read(asked, &c, 1) != 1 || stat(".", &st) ||
	    write(answer, &st, sizeof(st)) != sizeof(st))
		_exit(1);
	_exit(0);
}

int main(void)
{
	int top = open(".", O_PATH), one, other, path, odd, ask[2], answer[2];
	struct stat here, theirs;
	char name[4096];

	LIVE_CHECK(!pipe(ask) && !pipe(answer));
	LIVE_CHECK(!mkdir("odd (deleted)", 0700) && !mkdir("gone", 0751));
	odd = open("odd (deleted)", O_RDONLY | O_DIRECTORY);
	LIVE_CHECK(!chdir("gone"));
	one = open(".", O_RDONLY | O_DIRECTORY);
	other = open(".", O_RDONLY | O_DIRECTORY);
	path = open(".", O_PATH | O_DIRECTORY);
	LIVE_CHECK(odd >= 0 && one >= 0 && other >= 0 && path >= 0 && !rmdir("../gone"));
	if (!fork())
		child(ask[0], answer[1]);
	live_ready();
	LIVE_CHECK(!getcwd(name, sizeof(name)) && errno == ENOENT);
	LIVE_CHECK(!stat(".", &here));
	LIVE_EQUAL(here.st_mode & 07777, 0751);
	LIVE_EQUAL(inode(one), here.st_ino);
	LIVE_EQUAL(inode(other), here.st_ino);
	LIVE_EQUAL(inode(path), here.st_ino);
	LIVE_CHECK(write(ask[1], "?", 1) == 1);
	LIVE_CHECK(read(answer[0], &theirs, sizeof(theirs)) == sizeof(theirs));
	LIVE_EQUAL(theirs.st_ino, here.st_ino);
	LIVE_CHECK(openat(one, "file", O_WRONLY | O_CREAT, 0600) < 0 && errno == ENOENT);
	LIVE_CHECK(openat(odd, "file", O_WRONLY | O_CREAT, 0600) >= 0);
	LIVE_CHECK(!unlinkat(odd, "file", 0) && !unlinkat(top, "odd (deleted)", AT_REMOVEDIR));
	return 0;
}
