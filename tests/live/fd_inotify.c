/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify: the same watches under the same numbers, one taken away before, one of a place that the
 * program has nothing else to do with, one of a file that has no name any more, one of a
 * symbolic link itself; nothing told in between.
 */
#include "live.h"

#include <sys/inotify.h>

static void next(int fd, int wd, uint32_t mask, const char *name)
{
	_Alignas(struct inotify_event) char buf[512];
	const struct inotify_event *e = (void *)buf;

	LIVE_CHECK(read(fd, buf, sizeof(struct inotify_event) + 16 + strlen(name) / 16 * 16) > 0);
	LIVE_EQUAL(e->wd, wd);
	LIVE_EQUAL(e->mask, mask);
	LIVE_CHECK(!strcmp(e->len ? e->name : "", name));
}

int main(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), empty = inotify_init1(0), dir, file, deep,
	    gone, far, removed, nameless, link;
	char buf[512];

	LIVE_CHECK(fd >= 0 && empty >= 0 && !mkdir("dir", 0700) && !mkdir("dir/deep", 0700));
	close(live_file("file", 4, 'x'));
	gone = inotify_add_watch(fd, "/", IN_DELETE_SELF);
	dir = inotify_add_watch(fd, "dir", IN_CREATE);
	LIVE_CHECK(!inotify_rm_watch(fd, gone));
	file = inotify_add_watch(fd, "file", IN_MODIFY | IN_EXCL_UNLINK);
	deep = inotify_add_watch(fd, "dir/deep", IN_DELETE | IN_ONLYDIR);
	far = inotify_add_watch(fd, "/usr/lib", IN_DELETE_SELF);
	LIVE_CHECK(dir > 0 && file > 0 && deep > 0 && far > 0);
	removed = live_file("removed", 4, 'x');
	nameless = inotify_add_watch(fd, "removed", IN_MODIFY | IN_DELETE_SELF);
	LIVE_CHECK(nameless > 0 && !unlink("removed"));
	next(fd, gone, IN_IGNORED, "");
	LIVE_CHECK(!symlink("file", "link"));
	link = inotify_add_watch(fd, "link", IN_DELETE_SELF | IN_DONT_FOLLOW);
	LIVE_CHECK(link > 0);

	live_ready();

	LIVE_CHECK(read(fd, buf, sizeof(buf)) < 0 && errno == EAGAIN);
	close(live_file("dir/new", 0, 'x'));
	next(fd, dir, IN_CREATE, "new");
	LIVE_EQUAL(truncate("file", 1), 0);
	next(fd, file, IN_MODIFY, "");
	close(live_file("dir/deep/leaf", 0, 'x'));
	LIVE_CHECK(!unlink("dir/deep/leaf"));
	next(fd, deep, IN_DELETE, "leaf");
	LIVE_EQUAL(write(removed, "x", 1), 1);
	next(fd, nameless, IN_MODIFY, "");
	LIVE_CHECK(!close(removed));
	next(fd, nameless, IN_DELETE_SELF, ""); /* and IN_IGNORED */
	LIVE_CHECK(!unlink("link"));
	next(fd, link, IN_DELETE_SELF, ""); /* likewise */
	LIVE_CHECK(!inotify_rm_watch(fd, file));
	next(fd, file, IN_IGNORED, "");
	LIVE_CHECK(!inotify_rm_watch(fd, far));
	next(fd, far, IN_IGNORED, "");
	LIVE_EQUAL(inotify_add_watch(empty, "/", IN_DELETE_SELF), 1);
	unlink("dir/new");
	unlink("file");
	rmdir("dir/deep");
	rmdir("dir");
	return 0;
}
