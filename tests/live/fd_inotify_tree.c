/* SPDX-License-Identifier: Apache-2.0 */
/* Watches of every directory of a tree, as programs have that wait for any change of their sources. */
#include "live.h"

#include <sys/inotify.h>

enum { BRANCHES = 30, LEAVES = 20 };

int main(void)
{
	static int wds[BRANCHES][LEAVES];
	_Alignas(struct inotify_event) char buf[512];
	const struct inotify_event *e = (void *)buf;
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char name[64];

	LIVE_CHECK(fd >= 0 && !mkdir("tree", 0700));
	for (int i = 0; i < BRANCHES; i++) {
		snprintf(name, sizeof(name), "tree/%d", i);
		LIVE_CHECK(!mkdir(name, 0700));
		for (int k = 0; k < LEAVES; k++) {
			snprintf(name, sizeof(name), "tree/%d/%d", i, k);
			LIVE_CHECK(!mkdir(name, 0700));
			wds[i][k] = inotify_add_watch(fd, name, IN_CREATE);
			LIVE_CHECK(wds[i][k] > 0);
		}
	}

	live_ready();

	for (int i = 0; i < BRANCHES; i++) {
		for (int k = 0; k < LEAVES; k++) {
			snprintf(name, sizeof(name), "tree/%d/%d/new", i, k);
			LIVE_CHECK(!mkdir(name, 0700));
			LIVE_CHECK(read(fd, buf, sizeof(buf)) > 0);
			LIVE_EQUAL(e->wd, wds[i][k]);
			LIVE_CHECK(!rmdir(name));
			snprintf(name, sizeof(name), "tree/%d/%d", i, k);
			LIVE_CHECK(!rmdir(name));
			LIVE_CHECK(read(fd, buf, sizeof(buf)) > 0); /* IN_IGNORED */
		}
		snprintf(name, sizeof(name), "tree/%d", i);
		LIVE_CHECK(!rmdir(name));
	}
	return rmdir("tree");
}
