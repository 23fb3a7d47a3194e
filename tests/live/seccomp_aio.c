/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that has taken from itself what it does not need, and uses Linux AIO: whoever looks at its
 * requests in its name does what it must not do itself.
 */
#include "aio.h"
#include "live_seccomp.h"

enum { EVENTS = 20 };

static int ask[2], answer[2];

static void serve(int fd)
{
	static const long allowed[] = { SYS_read, SYS_write, SYS_exit_group, SYS_io_getevents,
					SYS_io_submit };
	aio_context_t context = aio_setup(64);
	struct iocb request;
	struct io_event e;
	char c = '.';

	for (uint64_t i = 0; i < EVENTS; i++) {
		request = aio_write(fd, "x", 1, i, i);
		aio_submit(context, &request);
	}
	LIVE_EQUAL(live_filter(0, allowed, 5, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS), 0);
	LIVE_CHECK(write(answer[1], &c, 1) == 1);
	if (read(ask[0], &c, 1) != 1)
		return;
	for (uint64_t i = 0; i < EVENTS; i++) {
		LIVE_EQUAL(aio_reap(context, &e, 1), 1);
		LIVE_EQUAL(e.data, i);
		LIVE_EQUAL(e.res, 1);
	}
	syscall(SYS_getppid);
}

int main(void)
{
	int fd = live_file("f", 0, 0), status;
	pid_t child;
	char c;

	live_needs_seccomp();
	LIVE_CHECK(!pipe2(ask, O_CLOEXEC) && !pipe2(answer, O_CLOEXEC));
	child = fork();
	if (child == 0) {
		close(ask[1]); /* so that it ends if the test does */
		serve(fd);
		_exit(7);
	}
	LIVE_CHECK(read(answer[0], &c, 1) == 1);
	live_ready();
	LIVE_CHECK(write(ask[1], "g", 1) == 1);
	LIVE_CHECK(waitpid(child, &status, 0) == child);
	LIVE_CHECK(WIFSIGNALED(status));
	LIVE_EQUAL(WTERMSIG(status), SIGSYS);
	return 0;
}
