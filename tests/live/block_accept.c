/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket with a thread in accept; somebody connects after the restart. */
#include "live_proc.h"

#include <sys/socket.h>
#include <sys/un.h>

static int listener;

static void *in_accept(void *tid)
{
	char c;
	int fd;

	live_here(tid);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	LIVE_CHECK(fd >= 0);
	LIVE_EQUAL(read(fd, &c, 1), 1);
	LIVE_EQUAL(c, 'c');
	close(fd);
	return NULL;
}

int main(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	const struct sockaddr *sa = (const void *)&addr;
	pid_t tid = 0;
	pthread_t t;
	int fd;

	unlink("socket");
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	LIVE_CHECK(!bind(listener, sa, sizeof(addr)) && !listen(listener, 5));
	t = live_sleeper(in_accept, &tid);
	live_ready();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	LIVE_CHECK(!connect(fd, sa, sizeof(addr)));
	LIVE_EQUAL(write(fd, "c", 1), 1);
	LIVE_CHECK(!pthread_join(t, NULL));
	return 0;
}
