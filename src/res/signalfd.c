/* SPDX-License-Identifier: Apache-2.0 */
/* signalfd: a mask. The signals themselves are pending on the process and kept with it. */
#include "base/sys.h"
#include "base/text.h"
#include "res/res.h"

#include <fcntl.h>

enum { SIGNALFD_ARG_MASK }; /* img_file.arg */

static bool signalfd_match(const struct res_seen *seen)
{
	return text_equal(seen->link, "anon_inode:[signalfd]");
}

static int signalfd_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			    struct err *err)
{
	(void)m;
	(void)err;
	f->arg[SIGNALFD_ARG_MASK] = seen->info.sigmask;
	return 0;
}

static int signalfd_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	uint64_t mask = f->arg[SIGNALFD_ARG_MASK];
	int flags = (int)(f->open_flags & O_NONBLOCK) | O_CLOEXEC;
	long fd = sys4(__NR_signalfd4, -1, &mask, sizeof(mask), flags);

	(void)r;
	return fd < 0 ? err_set(err, (int)-fd, "make a signalfd") : (int)fd;
}

const struct res_kind res_signalfd = {
	.kind = IMG_F_SIGNALFD,
	.name = "signalfd",
	.match = signalfd_match,
	.capture = signalfd_capture,
	.make = signalfd_make,
};
