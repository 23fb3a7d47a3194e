/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that was made under a passing name and got its own by link and unlink, in the same directory or in
 * another one, as mail is delivered: what is written to it afterwards stands in that file.
 */
#include "live.h"

/* Made as @passing, named @name. */
static int delivered(const char *passing, const char *name)
{
	int fd = live_file(passing, 5, 'x');

	LIVE_CHECK(!link(passing, name) && !unlink(passing));
	return fd;
}

static void check(int fd, const char *name)
{
	struct stat open_file, named;
	char c;

	LIVE_CHECK(!fstat(fd, &open_file) && !stat(name, &named));
	LIVE_EQUAL(open_file.st_ino, named.st_ino);
	LIVE_EQUAL(named.st_nlink, 1);
	LIVE_EQUAL(lseek(fd, 0, SEEK_CUR), 5);
	LIVE_EQUAL(write(fd, "y", 1), 1);
	LIVE_CHECK(pread(fd, &c, 1, 5) == 1 && c == 'y');
	LIVE_CHECK(!unlink(name));
}

int main(void)
{
	int beside, beyond;

	LIVE_CHECK(!mkdir("tmp", 0700) && !mkdir("new", 0700));
	beside = delivered("tmp/1", "tmp/2");
	beyond = delivered("tmp/3", "new/3");
	live_ready();
	check(beside, "tmp/2");
	check(beyond, "new/3");
	LIVE_CHECK(!rmdir("tmp") && !rmdir("new"));
	return 0;
}
