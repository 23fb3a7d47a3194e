/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that share directories and umask without being threads of one (CLONE_FS), with descriptors and
 * without: where one goes the others go. For root also below another root directory.
 */
#include "live_sharer.h"

enum { BOTH, ONLY, BELOW, APART, SHARERS };

static long make(long i)
{
	return live_sharer_make((size_t)i, CLONE_FS | (i == BELOW ? CLONE_FILES : 0));
}

static long go(long up)
{
	return chdir(up ? ".." : "/");
}

static long is_here(long inode)
{
	struct stat st;

	return !stat(".", &st) && st.st_ino == (ino_t)inode;
}

static long mask(long want)
{
	return (long)umask((mode_t)want);
}

static void check(void)
{
	for (int i = 0; i < APART; i++) {
		LIVE_CHECK(live_same(live_sharers[i].pid, getpid(), KCMP_FS));
		LIVE_CHECK(live_same(live_sharers[i].pid, getpid(), KCMP_FILES) == (i == BOTH));
	}
	LIVE_CHECK(!live_same(live_sharers[APART].pid, getpid(), KCMP_FS));
	LIVE_CHECK(live_same(live_sharers[ONLY].pid, live_sharers[BELOW].pid, KCMP_FILES));
}

static ino_t inode(const char *path)
{
	struct stat st;

	LIVE_CHECK(!stat(path, &st));
	return st.st_ino;
}

int main(void)
{
	char dir[] = "/tmp/share_directory.XXXXXX";
	ino_t here;

	LIVE_CHECK(mkdtemp(dir) && !chmod(dir, 0755) && !chdir(dir) && !mkdir("below", 0755));
	live_sharers_begin(SHARERS);
	LIVE_CHECK(live_sharer_make(APART, 0) > 0);
	LIVE_CHECK(live_sharer_make(BOTH, CLONE_FS | CLONE_FILES) > 0);
	LIVE_CHECK(make(ONLY) > 0 && live_sharer_ask(ONLY, make, BELOW) > 0);
	check();
	LIVE_CHECK(!chdir("below"));
	here = inode(".");
	LIVE_CHECK(live_sharer_ask(BELOW, is_here, (long)here));
	umask(027);
	if (!geteuid())
		LIVE_CHECK(!chroot(dir) && inode("/") == inode(".."));

	live_ready();

	check();
	LIVE_EQUAL(live_sharer_ask(BELOW, mask, 077), 027);
	LIVE_EQUAL(live_sharer_ask(BOTH, mask, 022), 077);
	LIVE_EQUAL(umask(0), 022);
	LIVE_CHECK(live_sharer_ask(ONLY, is_here, (long)here) && inode(".") == here);
	LIVE_CHECK(!live_sharer_ask(BELOW, go, 1) && !is_here((long)here));
	here = inode(".");
	LIVE_CHECK(live_sharer_ask(BOTH, is_here, (long)here));
	LIVE_CHECK(live_sharer_ask(ONLY, is_here, (long)here));
	if (!geteuid())
		LIVE_CHECK(inode("/") == here && live_sharer_ask(BELOW, is_here, (long)inode("/")));
	LIVE_CHECK(live_sharer_ask(APART, is_here, (long)here));
	LIVE_CHECK(!rmdir("below"));
	LIVE_CHECK(geteuid() ? !rmdir(dir) : !live_sharer_ask(APART, go, 0));
	return 0;
}
