/* SPDX-License-Identifier: Apache-2.0 */
/* Rings of io_uring: made, mapped, asked. */
#include "base/sys.h"
#include "res/uring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { /* newer than the headers */
       URING_REGISTER_REGION = 34, /* IORING_REGISTER_MEM_REGION, Linux 6.13 */
       URING_NOWHERE = 16, /* an address where nothing is */
};

static int uring_setup(struct uring *u, uint32_t sq_entries, uint32_t cq_entries, uint32_t flags)
{
	u->p = (struct io_uring_params){ .flags = flags | IORING_SETUP_CQSIZE,
					 .cq_entries = cq_entries };
	return (int)sys2(__NR_io_uring_setup, sq_entries, &u->p);
}

static void *uring_map(int fd, size_t len, uint64_t offset)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
}

static int uring_map_both(struct uring *u, int fd)
{
	u->rings = uring_map(fd, u->rings_len, IORING_OFF_SQ_RING);
	if (u->rings == MAP_FAILED) {
		u->rings = NULL;
		return -errno;
	}
	u->sqes = uring_map(fd, u->sqes_len, IORING_OFF_SQES);
	if (u->sqes == MAP_FAILED) {
		u->sqes = NULL;
		return -errno;
	}
	return 0;
}

int uring_open(struct uring *u, uint32_t sq_entries, uint32_t cq_entries, uint32_t flags)
{
	size_t array;

	*u = (struct uring){ .fd = -1 };
	u->fd = uring_setup(u, sq_entries, cq_entries, flags);
	if (u->fd == -EINVAL && flags & IORING_SETUP_SUBMIT_ALL)
		u->fd = uring_setup(u, sq_entries, cq_entries,
				    flags & ~(uint32_t)IORING_SETUP_SUBMIT_ALL);
	if (u->fd < 0)
		return u->fd;
	if (!(u->p.features & IORING_FEAT_SINGLE_MMAP) || u->p.sq_entries != sq_entries ||
	    u->p.cq_entries != cq_entries)
		return -EOPNOTSUPP;
	array = flags & URING_NO_SQARRAY ? 0 : u->p.sq_off.array + sq_entries * sizeof(uint32_t);
	u->rings_len = u->p.cq_off.cqes + cq_entries * sizeof(struct io_uring_cqe);
	if (array > u->rings_len)
		u->rings_len = array;
	u->sqes_len = sq_entries * sizeof(struct io_uring_sqe);
	return uring_map_both(u, u->fd);
}

int uring_view(struct uring *u, int fd, const struct uring *like)
{
	*u = (struct uring){
		.fd = -1, .p = like->p, .rings_len = like->rings_len, .sqes_len = like->sqes_len
	};
	return uring_map_both(u, fd);
}

void uring_close(struct uring *u)
{
	if (u->rings)
		munmap(u->rings, u->rings_len);
	if (u->sqes)
		munmap(u->sqes, u->sqes_len);
	if (u->fd >= 0)
		close(u->fd);
	*u = (struct uring){ .fd = -1 };
}

/* Each ends at an address where nothing is, if nothing is in the way before that. */
long uring_question(enum uring_question question, uint64_t fd, uint64_t args[6])
{
	args[0] = fd;
	args[1] = question == URING_ASK_REGION ? URING_REGISTER_REGION : IORING_REGISTER_EVENTFD;
	args[2] = URING_NOWHERE;
	args[3] = 1;
	return __NR_io_uring_register;
}

long uring_ask(int fd, enum uring_question question)
{
	struct io_uring_getevents_arg arg = { .ts = URING_NOWHERE };
	uint64_t a[6];
	long nr;

	if (question == URING_ASK_WAIT)
		return sys6(__NR_io_uring_enter, fd, 0, UINT32_MAX,
			    IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
	nr = uring_question(question, (uint64_t)fd, a);
	return sys4(nr, a[0], a[1], a[2], a[3]);
}
