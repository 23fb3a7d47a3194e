/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose file was removed after it was started, and another put in its place. */
#include "live.h"

static char exe[4096];

static const char *link_of_exe(void)
{
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	LIVE_CHECK(n > 0);
	exe[n] = '\0';
	return exe;
}

/* Go on as a copy, which is removed. */
static void become_copy(void)
{
	char buf[8192];
	int in, out;
	ssize_t n;

	unlink("copy"); /* of another run */
	in = open(link_of_exe(), O_RDONLY);
	out = open("copy", O_WRONLY | O_CREAT, 0700);
	LIVE_CHECK(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		LIVE_CHECK(write(out, buf, (size_t)n) == n);
	close(in);
	close(out);
	execl("./copy", "copy", "again", NULL);
	live_fail("copy: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	struct stat st;

	(void)argv;
	if (argc == 1)
		become_copy();
	LIVE_CHECK(!unlink("copy"));
	close(live_file("copy", 5, 'x'));
	live_ready();
	LIVE_CHECK(strstr(link_of_exe(), " (deleted)"));
	LIVE_CHECK(!stat("copy", &st));
	LIVE_EQUAL(st.st_size, 5);
	return 0;
}
