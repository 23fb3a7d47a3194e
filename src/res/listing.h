/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What /proc tells of the descriptors of one process, all of it before any is captured: that is most of the
 * work of looking at them, and can be done for many processes at once.
 *
 * The one rule: nothing is shared with other listings, and nothing of the process is touched. What may change
 * while the program stands is looked at again when it is captured (capture_look_again).
 */
#pragma once

#include "base/err.h"
#include "image/model.h"

#include <sys/types.h>

struct res_listed { /* one descriptor; positions in the listing's text */
	int fd;
	size_t link; /* what it points at, NUL-terminated */
	size_t info, info_len; /* its fdinfo */
};

struct res_listing {
	MODEL_ARRAY(struct res_listed) fds; /* by number */
	MODEL_ARRAY(size_t) temporary; /* what its environment names as places for such files */
	char *text;
	size_t n, room; /* bytes of it */
};

/*
 * All descriptors of parked process @pid, and where its environment says that temporary files go. -RES_BUSY
 * if it has inotify events to read: for all processes before any of them is captured, which may tell them of
 * more.
 */
int res_list(struct res_listing *listing, pid_t pid, struct err *err);
void res_listing_done(struct res_listing *listing);

/* Descriptor @fd of our own alone. */
int listing_add_own(struct res_listing *listing, int fd, struct err *err);

static inline const char *listing_text(const struct res_listing *listing, size_t at)
{
	return listing->text + at;
}
