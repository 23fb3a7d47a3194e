/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that wants to be told of everything in a directory, where it also writes a file: what a
 * checkpoint does there is no reason to wait, and a restart does not tell of it.
 */
#include "live.h"

#include <sys/inotify.h>

int main(void)
{
	int written, fd, others, deep;
	_Alignas(struct inotify_event) char buf[512];
	const struct inotify_event *e = (void *)buf;

	LIVE_CHECK(!mkdir("dir", 0700) && !mkdir("dir/deep", 0700));
	written = live_file("dir/written", 10, 'x');
	fd = inotify_init1(IN_NONBLOCK);
	others = inotify_init1(IN_NONBLOCK);
	LIVE_CHECK(fd >= 0 && others >= 0);
	LIVE_CHECK(inotify_add_watch(fd, "dir", IN_ALL_EVENTS) > 0);
	deep = inotify_add_watch(fd, "dir/deep", IN_ALL_EVENTS);
	LIVE_CHECK(inotify_add_watch(others, "dir", IN_ALL_EVENTS) > 0);
	LIVE_CHECK(inotify_add_watch(others, "dir/deep", IN_ALL_EVENTS) > 0);

	live_ready();

	LIVE_CHECK(read(fd, buf, sizeof(buf)) < 0 && errno == EAGAIN);
	LIVE_CHECK(read(others, buf, sizeof(buf)) < 0 && errno == EAGAIN);
	LIVE_CHECK(!rmdir("dir/deep"));
	LIVE_CHECK(read(fd, buf, sizeof(buf)) > 0);
	LIVE_EQUAL(e->wd, deep);
	LIVE_EQUAL(e->mask, IN_DELETE_SELF);
	LIVE_EQUAL(write(written, "x", 1), 1);
	LIVE_CHECK(!unlink("dir/written") && !rmdir("dir"));
	return 0;
}
