/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/owned.h"
#include "res/kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The order matters: the first that matches takes a descriptor. */
static const struct res_kind *const res_kinds[] = {
	&res_pidfd, &res_memfd,	  &res_mqueue,	 &res_reg,     &res_dir,
	&res_tty,   &res_ptmx,	  &res_chr,	 &res_pipe,    &res_eventfd,
	&res_epoll, &res_timerfd, &res_signalfd, &res_inotify, &res_inet,
	&res_unix,  &res_packet,  &res_socket,	 &res_uring,
};
enum {
	RES_PIECE = 64 << 10, /* of contents, written at once */
	RES_COMPARED = 2048, /* of contents, on the stack */
};
enum { RES_NKINDS = sizeof(res_kinds) / sizeof(res_kinds[0]) };

const struct res_kind *res_kind_of(const struct res_seen *seen)
{
	for (size_t i = 0; i < RES_NKINDS; i++)
		if (res_kinds[i]->match(seen))
			return res_kinds[i];
	return NULL;
}

const struct res_kind *res_kind_by_number(uint32_t kind)
{
	/* Variants that another kind's file makes. */
	if (kind == IMG_F_PROC)
		kind = IMG_F_REG;
	if (kind == IMG_F_FIFO)
		kind = IMG_F_PIPE;
	for (size_t i = 0; i < RES_NKINDS; i++)
		if (res_kinds[i]->kind == kind)
			return res_kinds[i];
	return NULL;
}

int res_save_range(struct model *m, struct img_ref *ref, int fd, uint64_t from, uint64_t size,
		   struct err *err)
{
	uint64_t done = 0;
	void *bytes;
	int rc = model_put_room(m, ref, &bytes, size);

	if (rc < 0)
		return err_set(err, rc, "save %llu bytes of contents", (unsigned long long)size);
	while (done < size) {
		ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)(from + done));

		if (n < 0) {
			rc = err_set(err, errno, "read contents to save");
			model_trim_room(m, ref, 0);
			return rc;
		}
		if (!n) /* shorter than its size said: the rest is zero */
			break;
		done += (uint64_t)n;
	}
	model_trim_room(m, ref, done);
	return 0;
}

int res_save_contents(struct model *m, struct img_ref *ref, int fd, uint64_t size, struct err *err)
{
	return res_save_range(m, ref, fd, 0, size, err);
}

bool res_holds(int fd, const char *bytes, size_t len, uint64_t at)
{
	char found[RES_COMPARED];

	for (size_t done = 0; done < len;) {
		size_t piece = len - done < sizeof(found) ? len - done : sizeof(found);
		ssize_t n = pread(fd, found, piece, (off_t)(at + done));

		if (n <= 0 || memcmp(found, bytes + done, (size_t)n) != 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

int res_load_contents(const struct model *m, struct img_ref ref, int fd, struct err *err)
{
	const char *bytes = model_bytes(m, ref);
	bool fresh = lseek(fd, 0, SEEK_END) == 0;
	size_t done = 0;

	while (done < ref.len) {
		size_t piece = ref.len - done < RES_PIECE ? ref.len - done : RES_PIECE;
		ssize_t n = (ssize_t)piece;

		/* A hole stays one; of the end only the caller knows how long it is. */
		if (!fresh || done + piece == ref.len || done % RES_PIECE ||
		    !mem_is_zero(bytes + done, piece))
			n = pwrite(fd, bytes + done, piece, (off_t)done);

		if (n < 0)
			return err_set(err, errno, "write saved contents");
		done += (size_t)n;
	}
	return 0;
}
