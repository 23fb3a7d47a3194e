/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices by name: null, zero, full, random, urandom. */
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { CHR_MEM_MAJOR = 1 }; /* Documentation/admin-guide/devices.txt */

static bool chr_match(const struct res_seen *seen)
{
	return S_ISCHR(seen->st.st_mode);
}

static int chr_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	(void)m;
	(void)f;
	if (major(seen->st.st_rdev) == CHR_MEM_MAJOR)
		return 0;
	return err_say(
		err, ENOTSUP,
		"descriptor %d is the device '%s', whose state cannot be brought back; close it "
		"before the checkpoint",
		seen->fd, seen->link);
}

static int chr_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *path = model_string(r->m, f->path);
	int fd = open(path, (int)f->open_flags | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? err_set(err, errno, "open device '%s'", path) : fd;
}

const struct res_kind res_chr = {
	.kind = IMG_F_CHR,
	.name = "device",
	.match = chr_match,
	.capture = chr_capture,
	.make = chr_make,
};
