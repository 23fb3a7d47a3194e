/* SPDX-License-Identifier: Apache-2.0 */
/* Linux AIO by its own system calls: libaio is not everywhere. */
#pragma once

#include "live.h"

#include <linux/aio_abi.h>

struct aio_ring { /* what io_setup maps */
	unsigned int id, nr, head, tail, magic, compat, incompat, size;
	struct io_event events[];
};

static inline aio_context_t aio_setup(unsigned int n)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, n, &context) < 0) {
		if (errno == ENOSYS || errno == EPERM)
			live_skip("no AIO here");
		live_fail("io_setup(%u): %s", n, strerror(errno));
	}
	return context;
}

static inline struct iocb aio_write(int fd, const void *bytes, size_t len, uint64_t at,
				    uint64_t data)
{
	return (struct iocb){ .aio_lio_opcode = IOCB_CMD_PWRITE,
			      .aio_fildes = (uint32_t)fd,
			      .aio_buf = (uintptr_t)bytes,
			      .aio_nbytes = len,
			      .aio_offset = (int64_t)at,
			      .aio_data = data };
}

static inline void aio_submit(aio_context_t context, struct iocb *request)
{
	LIVE_EQUAL(syscall(SYS_io_submit, context, 1L, &request), 1);
}

/* At least one, at most @n. */
static inline long aio_reap(aio_context_t context, struct io_event *events, long n)
{
	return syscall(SYS_io_getevents, context, 1L, n, events, NULL);
}
