/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_urings that a child has inherited: both have memory and descriptor, or one has the memory only. What one
 * submits the other is told of.
 */
#include "uring.h"

static struct uring both, lent, kept;
static int go[2];

static void submit(struct uring *u, uint64_t data)
{
	uring_nop(u, data);
	LIVE_EQUAL(syscall(SYS_io_uring_enter, u->fd, 1, 0, 0, NULL, 0), 1);
}

static int child(void)
{
	char byte;

	close(kept.fd); /* the memory is left */
	LIVE_EQUAL(read(go[0], &byte, 1), 1);
	submit(&lent, 22);
	submit(&both, 21);
	LIVE_EQUAL(*uring_at(&kept, kept.p.cq_off.tail), 18);
	return 0;
}

int main(void)
{
	struct io_uring_cqe cqe;
	int status;
	pid_t pid;

	LIVE_CHECK(!pipe(go));
	uring_setup(&both, 16, 0);
	uring_setup(&lent, 16, 0);
	uring_setup(&kept, 16, 0);
	uring_history(&both, 40);
	uring_history(&lent, 3);
	uring_history(&kept, 17);
	pid = fork();
	LIVE_CHECK(pid >= 0);
	if (!pid)
		_exit(child());
	close(lent.fd); /* the memory is left */
	LIVE_EQUAL(fcntl(kept.fd, F_SETFL, O_NONBLOCK), 0);
	live_ready();
	LIVE_CHECK(fcntl(kept.fd, F_GETFL) & O_NONBLOCK);
	uring_history(&kept, 1);
	LIVE_EQUAL(write(go[1], "g", 1), 1);
	LIVE_EQUAL(uring_enter(&both, 0, 1), 0);
	cqe = uring_take(&both);
	LIVE_EQUAL(cqe.user_data, 21);
	cqe = uring_take(&lent);
	LIVE_EQUAL(cqe.user_data, 22);
	LIVE_EQUAL(waitpid(pid, &status, 0), pid);
	LIVE_EQUAL(status, 0);
	return 0;
}
