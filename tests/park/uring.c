/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers of the kernel's, for io_uring, that read from a pipe in which there is nothing yet: they are no
 * threads of the program, and what they are at does not end before there is something.
 */
#include "park_test.h"

#include <linux/io_uring.h>

static struct io_uring_params params;
static char *rings;
static struct io_uring_sqe *sqes;
static int fd, ends[2];

static unsigned int *word(unsigned int off)
{
	return (unsigned int *)(void *)(rings + off);
}

static bool set_up(void)
{
	fd = (int)syscall(SYS_io_uring_setup, 8, &params);
	if (fd < 0 || pipe(ends) < 0)
		return false;
	rings = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
	EXPECT(rings != MAP_FAILED && (void *)sqes != MAP_FAILED);
	return true;
}

static void submit_read(char *byte, unsigned int n)
{
	unsigned int i = n % params.sq_entries;

	sqes[i] = (struct io_uring_sqe){ .opcode = IORING_OP_READ,
					 .flags = IOSQE_ASYNC,
					 .fd = ends[0],
					 .addr = (uintptr_t)byte,
					 .len = 1,
					 .user_data = n };
	word(params.sq_off.array)[i] = i;
	__atomic_store_n(word(params.sq_off.tail), n + 1, __ATOMIC_RELEASE);
	EXPECT(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0) == 1);
}

static void behave(struct shared *s)
{
	bool have = set_up();

	for (unsigned int n = 0; !s->stop; n++) {
		const struct io_uring_cqe *cqe;
		char byte = 0, sent = (char)('a' + n % 26);

		if (have)
			submit_read(&byte, n);
		for (int i = 0; i < 5; i++) /* parks come in here */
			nap_ns(500000);
		s->rounds++;
		if (!have)
			continue;
		EXPECT(write(ends[1], &sent, 1) == 1);
		while (__atomic_load_n(word(params.cq_off.tail), __ATOMIC_ACQUIRE) != n + 1)
			syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
		cqe = (const struct io_uring_cqe *)(void *)(rings + params.cq_off.cqes) +
		      n % params.cq_entries;
		EXPECT(cqe->user_data == n && cqe->res == 1 && byte == sent);
		__atomic_store_n(word(params.cq_off.head), n + 1, __ATOMIC_RELEASE);
	}
}

static void parked(struct shared *s, struct park *park)
{
	(void)s;
	EXPECT(park->processes[0].nthreads == 1);
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 500, .parked = parked });
}
