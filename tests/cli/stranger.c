/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One who does not know how to talk to an agent: stranger SOCKET garbage|huge|mute N
 *
 * Makes N connections, sends garbage, a line without an end, or nothing; then says "there" and stays until
 * its input ends.
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int reach(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if ((size_t)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path) >=
	    sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)))
		err(1, "%s", path);
	return fd;
}

static void bother(int fd, const char *how)
{
	static const char garbage[] = "\0\xff{\"command\":[[[[\n\n{}\n";
	static char huge[1 << 20];

	memset(huge, 'x', sizeof(huge));
	/* The agent may hang up on us in the middle: that is its right. */
	if (!strcmp(how, "garbage"))
		(void)!write(fd, garbage, sizeof(garbage));
	else if (!strcmp(how, "huge"))
		(void)!send(fd, huge, sizeof(huge), MSG_DONTWAIT | MSG_NOSIGNAL);
}

int main(int argc, char **argv)
{
	char c;

	if (argc != 4)
		errx(2, "usage: stranger SOCKET garbage|huge|mute N");
	signal(SIGPIPE, SIG_IGN);
	for (int n = atoi(argv[3]); n > 0; n--)
		bother(reach(argv[1]), argv[2]);
	puts("there");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
