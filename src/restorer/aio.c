/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An AIO context with the place that it had, and where it stood. The kernel counts for itself where the next
 * event goes, and how many there are: so requests that do nothing are made, as many as there were before. The
 * last of their events are left there, for the old ones to be written over them.
 */
#include "restorer/aio.h"

#include "base/sys.h"
#include "contract/probe_abi.h"

#include <linux/aio_abi.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <stdbool.h>

enum { AIO_AT_ONCE = 32 };

static long aio_events(const struct plan_aio *a, uint32_t n, uint64_t *again, bool reap)
{
	static const struct {
		int64_t sec, nsec;
	} now = { 0, 0 };
	struct io_event some[4];

	while (n) {
		long rc = sys3(__NR_io_submit, a->at, n < AIO_AT_ONCE ? n : AIO_AT_ONCE, again);

		if (rc <= 0)
			return rc ? rc : -EAGAIN;
		n -= (uint32_t)rc;
		while (reap && rc > 0)
			rc = sys5(__NR_io_getevents, a->at, 0, 4, some, &now);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static long aio_turn(const struct plan_aio *a, int fd)
{
	uint64_t count, again[AIO_AT_ONCE];
	struct iocb nothing = {
		.aio_lio_opcode = IOCB_CMD_PREAD, /* of what is not there, without waiting */
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)&count,
		.aio_nbytes = sizeof(count),
	};
	long rc;

	for (uint32_t i = 0; i < AIO_AT_ONCE; i++)
		again[i] = (uintptr_t)&nothing;
	rc = aio_events(a, a->head, again, true);
	return rc < 0 ? rc : aio_events(a, (a->tail + a->nr - a->head) % a->nr, again, false);
}

long aio_make(struct plan_aio *a)
{
	uint64_t context = 0;
	long fd, rc = sys2(__NR_io_setup, a->ask, &context);

	if (rc < 0)
		return rc;
	a->id = ((const struct probe_aio_ring *)context)->id;
	if (((const struct probe_aio_ring *)context)->nr != a->nr)
		return -EOPNOTSUPP;
	rc = sys5(__NR_mremap, context, a->size, a->size, MREMAP_MAYMOVE | MREMAP_FIXED, a->at);
	if (rc != (long)a->at)
		return rc < 0 ? rc : -EFAULT;
	fd = sys2(__NR_eventfd2, 0, O_NONBLOCK);
	if (fd < 0)
		return fd;
	rc = aio_turn(a, (int)fd);
	sys1(__NR_close, fd);
	return rc;
}
