/* SPDX-License-Identifier: Apache-2.0 */
/* eventfd: a counter. */
#include "base/text.h"
#include "res/capture.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTFD_ARG_COUNT, EVENTFD_ARG_SEMAPHORE }; /* img_file.arg */

static bool eventfd_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[eventfd]");
}

static int eventfd_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			   struct err *err)
{
	struct fdinfo info; /* somebody outside may have added to it */
	int rc = capture_look_again(seen, &info, err);

	(void)m;
	if (rc < 0)
		return rc;
	f->arg[EVENTFD_ARG_COUNT] = info.eventfd_count;
	f->arg[EVENTFD_ARG_SEMAPHORE] = info.eventfd_semaphore;
	return 0;
}

static int eventfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int flags = (f->arg[EVENTFD_ARG_SEMAPHORE] ? EFD_SEMAPHORE : 0) | EFD_CLOEXEC;
	int fd = eventfd(0, flags | EFD_NONBLOCK);
	uint64_t count = f->arg[EVENTFD_ARG_COUNT];

	(void)r;
	if (fd < 0)
		return err_set(err, errno, "make an eventfd");
	if ((count && write(fd, &count, sizeof(count)) != sizeof(count)) ||
	    fcntl(fd, F_SETFL, f->open_flags & O_NONBLOCK) < 0) {
		close(fd);
		return err_set(err, errno, "set an eventfd to %llu", (unsigned long long)count);
	}
	return fd;
}

const struct res_kind res_eventfd = {
	.kind = IMG_F_EVENTFD,
	.name = "eventfd",
	.match = eventfd_match,
	.capture = eventfd_capture,
	.make = eventfd_make,
};
