/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify in a program that stands elsewhere than what it watches: a directory above, a file beside that one,
 * and a file that is below what its command line names.
 */
#include "live.h"

#include <limits.h>
#include <sys/inotify.h>

enum { WATCHES = 3 };

static const char *const watched[WATCHES] = { "../..", "../../beside", "../../other/deep/leaf" };

static void start_again_with_argument(char *program)
{
	char option[PATH_MAX], here[PATH_MAX - 64];
	char *argv[] = { program, option, NULL };

	LIVE_CHECK(getcwd(here, sizeof(here)));
	LIVE_CHECK(!mkdir("top", 0700) && !mkdir("top/here", 0700) && !mkdir("top/here/in", 0700));
	LIVE_CHECK(!mkdir("top/other", 0700) && !mkdir("top/other/deep", 0700));
	close(live_file("top/beside", 4, 'x'));
	close(live_file("top/other/deep/leaf", 4, 'x'));
	snprintf(option, sizeof(option), "--watch=%s/top/other", here);
	LIVE_CHECK(!chdir("top/here/in"));
	execv("/proc/self/exe", argv);
	live_fail("%s: %s", program, strerror(errno));
}

static void told(int fd, int wd)
{
	_Alignas(struct inotify_event) char buf[512];
	const struct inotify_event *e = (void *)buf;

	LIVE_CHECK(read(fd, buf, sizeof(buf)) > 0);
	LIVE_EQUAL(e->wd, wd);
}

int main(int argc, char **argv)
{
	int fd, wd[WATCHES];

	if (argc == 1)
		start_again_with_argument(argv[0]);
	fd = inotify_init1(IN_NONBLOCK);
	LIVE_CHECK(fd >= 0);
	for (int i = 0; i < WATCHES; i++) {
		wd[i] = inotify_add_watch(fd, watched[i], i ? IN_MODIFY : IN_CREATE);
		LIVE_CHECK(wd[i] > 0);
	}
	live_ready();
	close(live_file("../../new", 0, 'x'));
	told(fd, wd[0]);
	for (int i = 1; i < WATCHES; i++) {
		LIVE_CHECK(!truncate(watched[i], 1));
		told(fd, wd[i]);
	}
	LIVE_CHECK(!chdir("../../.."));
	LIVE_CHECK(!unlink("top/new") && !unlink("top/beside") && !unlink("top/other/deep/leaf"));
	LIVE_CHECK(!rmdir("top/other/deep") && !rmdir("top/other") && !rmdir("top/here/in"));
	LIVE_CHECK(!rmdir("top/here") && !rmdir("top"));
	return 0;
}
