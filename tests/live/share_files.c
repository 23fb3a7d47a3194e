/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that share their descriptors without being threads of one (CLONE_FILES): child and grandchild;
 * two whose parent has left the table; one behind a parent that has left it; an orphan; one that has ended.
 * What one opens afterwards the others have.
 */
#include "live_sharer.h"

#include <sys/epoll.h>
#include <sys/socket.h>

enum {
	CHILD,
	GRANDCHILD,
	LEFT,
	BEHIND,
	PARENT,
	FIRST,
	SECOND,
	GONE,
	ORPHAN,
	ENDED,
	APART,
	SHARERS
};

enum { MANY = 700 }; /* a number above all others */

static const char *const names[SHARERS] = { "child",  "grandchild", "left",   "behind",
					    "parent", "first",	    "second", "gone",
					    "orphan", "ended",	    "apart" };

/* Whose table each has in the end: all others have the root's. */
static const int tables[SHARERS] = {
	[LEFT] = 1, [PARENT] = 2, [FIRST] = 3, [SECOND] = 3, [APART] = 4
};

static long make(long i)
{
	return live_sharer_make((size_t)i, CLONE_FILES);
}

static long leave(long arg)
{
	(void)arg;
	return unshare(CLONE_FILES);
}

static long lock(long fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };

	return fcntl((int)fd, F_SETLK, &all);
}

/* Who has what @lock has taken. */
static long locked_by(long fd)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };

	return fcntl((int)fd, F_GETLK, &all) || all.l_type == F_UNLCK ? 0 : all.l_pid;
}

static long put(long fd)
{
	return write((int)fd, "hello", 5);
}

static long get(long fd)
{
	char text[8] = "";

	return read((int)fd, text, 5) == 5 && !strcmp(text, "hello");
}

static long open_null(long fd)
{
	int null = open("/dev/null", O_RDWR);

	return null < 0 ? null : dup2(null, (int)fd);
}

static long has(long fd)
{
	return fcntl((int)fd, F_GETFD) >= 0;
}

static void check_tables(void)
{
	for (int i = 0; i < SHARERS; i++) {
		if (i == GONE || i == ENDED)
			continue;
		if (live_same(live_sharers[i].pid, getpid(), KCMP_FILES) != !tables[i])
			live_fail("%s and the root", names[i]);
		for (int k = 0; k < i; k++)
			if (k != GONE && k != ENDED &&
			    live_same(live_sharers[i].pid, live_sharers[k].pid, KCMP_FILES) !=
				    (tables[i] == tables[k]))
				live_fail("%s and %s", names[i], names[k]);
	}
}

static void make_all(void)
{
	LIVE_CHECK(make(CHILD) > 0 && live_sharer_ask(CHILD, make, GRANDCHILD) > 0);
	LIVE_CHECK(make(LEFT) > 0 && live_sharer_ask(LEFT, make, BEHIND) > 0);
	LIVE_CHECK(!live_sharer_ask(LEFT, leave, 0));
	LIVE_CHECK(live_sharer_make(PARENT, 0) > 0);
	LIVE_CHECK(live_sharer_ask(PARENT, make, FIRST) > 0 &&
		   live_sharer_ask(PARENT, make, SECOND) > 0);
	LIVE_CHECK(!live_sharer_ask(PARENT, leave, 0));
	LIVE_CHECK(live_sharer_make(APART, 0) > 0);
}

static long stay(long arg)
{
	return prctl(PR_SET_PDEATHSIG, arg);
}

static void make_orphan(void)
{
	siginfo_t info;
	int status;

	LIVE_CHECK(make(GONE) > 0 && live_sharer_ask(GONE, make, ORPHAN) > 0);
	LIVE_CHECK(!live_sharer_ask(ORPHAN, stay, 0));
	live_sharer_end(GONE);
	LIVE_EQUAL(waitpid(live_sharers[GONE].pid, &status, 0), live_sharers[GONE].pid);
	LIVE_CHECK(make(ENDED) > 0);
	live_sharer_end(ENDED);
	LIVE_CHECK(!waitid(P_PID, (id_t)live_sharers[ENDED].pid, &info, WEXITED | WNOWAIT));
}

int main(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	char path[] = "share_files.XXXXXX";
	int file = mkstemp(path), ends[2], pair[2], epoll = epoll_create1(EPOLL_CLOEXEC), status;

	LIVE_CHECK(file >= 0 && !pipe(ends) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	LIVE_CHECK(ftruncate(file, 20) == 0 && epoll >= 0);
	LIVE_CHECK(!epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event));
	live_sharers_begin(SHARERS);
	make_all();
	make_orphan();
	check_tables();
	/* A lock is all of theirs, and tells who has taken it. */
	LIVE_CHECK(!live_sharer_ask(GRANDCHILD, lock, file));
	LIVE_EQUAL(live_sharer_ask(APART, locked_by, file), live_sharers[GRANDCHILD].pid);
	LIVE_EQUAL(live_sharer_ask(CHILD, open_null, MANY), MANY);
	LIVE_EQUAL(live_sharer_ask(FIRST, open_null, MANY + 1), MANY + 1);
	LIVE_EQUAL(live_sharer_ask(BEHIND, put, ends[1]), 5);

	live_ready();

	check_tables();
	LIVE_EQUAL(live_sharer_ask(APART, locked_by, file), live_sharers[GRANDCHILD].pid);
	LIVE_EQUAL(live_sharer_ask(ORPHAN, locked_by, file), 0);
	LIVE_CHECK(live_sharer_ask(GRANDCHILD, get, ends[0]));
	LIVE_CHECK(live_sharer_ask(BEHIND, has, MANY) && !live_sharer_ask(BEHIND, has, MANY + 1));
	LIVE_CHECK(live_sharer_ask(SECOND, has, MANY + 1) && !live_sharer_ask(SECOND, has, MANY));
	LIVE_CHECK(!live_sharer_ask(LEFT, has, MANY) && !live_sharer_ask(PARENT, has, MANY + 1));
	LIVE_EQUAL(epoll_wait(epoll, &event, 1, 0), 0);
	LIVE_EQUAL(live_sharer_ask(ORPHAN, put, pair[1]), 5);
	LIVE_EQUAL(epoll_wait(epoll, &event, 1, 0), 1);
	LIVE_CHECK(get(pair[0]));
	/* One opens, another closes. */
	LIVE_EQUAL(live_sharer_ask(ORPHAN, open_null, MANY + 2), MANY + 2);
	LIVE_CHECK(live_sharer_ask(CHILD, has, MANY + 2) && !close(MANY + 2));
	LIVE_CHECK(!live_sharer_ask(BEHIND, has, MANY + 2) &&
		   !live_sharer_ask(ORPHAN, has, MANY + 2));
	LIVE_CHECK(waitpid(live_sharers[ENDED].pid, &status, 0) == live_sharers[ENDED].pid);
	LIVE_EQUAL(status, SIGKILL);
	live_sharer_end(GRANDCHILD);
	live_sharer_end(ORPHAN);
	LIVE_CHECK(!unlink(path));
	return 0;
}
