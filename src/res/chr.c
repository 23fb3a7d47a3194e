/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices by name: null, zero, full, random, urandom. A removed one: as it was, else the usual. */
#include "base/text.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Documentation/admin-guide/devices.txt */
enum { CHR_MEM_MAJOR = 1 };
static const char *const chr_mem_paths[] = {
	[3] = "/dev/null",   [5] = "/dev/zero",	   [7] = "/dev/full",
	[8] = "/dev/random", [9] = "/dev/urandom",
};

/* The usual name of what @rdev is, or NULL. */
static const char *chr_usual_path(uint64_t rdev)
{
	unsigned int number = minor(rdev);

	return major(rdev) == CHR_MEM_MAJOR &&
			       number < sizeof(chr_mem_paths) / sizeof(*chr_mem_paths)
		       ? chr_mem_paths[number]
		       : NULL;
}

static bool chr_match(const struct res_seen *seen)
{
	return S_ISCHR(seen->st.st_mode);
}

static int chr_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	(void)m;
	if (text_ends(seen->link, " (deleted)") && chr_usual_path(seen->st.st_rdev))
		f->flags |= IMG_FILE_DELETED;
	if (major(seen->st.st_rdev) == CHR_MEM_MAJOR)
		return 0;
	return err_say(
		err, ENOTSUP,
		"descriptor %d is the device '%s', whose state cannot be brought back; close it "
		"before the checkpoint",
		seen->fd, seen->link);
}

/* A removed one as it was, where we may make such a node beside its old name; -1: not. */
static int chr_make_removed(const char *gone, const struct img_file *f, int flags)
{
	char path[PATH_MAX];
	int fd = -1;

	text_format(path, sizeof(path), "%s", gone);
	text_drop_end(path, " (deleted)");
	text_format(path + strlen(path), sizeof(path) - strlen(path), ".cairn-%d", getpid());
	if (mknod(path, f->mode & (S_IFMT | 07777), f->rdev) < 0)
		return -1;
	if (chmod(path, f->mode & 07777) == 0)
		fd = open(path, flags);
	unlink(path);
	return fd;
}

static int chr_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const char *usual = f->flags & IMG_FILE_DELETED ? chr_usual_path(f->rdev) : NULL;
	const char *path = usual ? usual : model_string(r->m, f->path);
	int flags = (int)f->open_flags | O_CLOEXEC | O_NOCTTY;
	int fd = usual ? chr_make_removed(model_string(r->m, f->path), f, flags) : -1;

	if (fd < 0)
		fd = open(path, flags);
	return fd < 0 ? err_set(err, errno, "open device '%s'", path) : fd;
}

const struct res_kind res_chr = {
	.kind = IMG_F_CHR,
	.name = "device",
	.match = chr_match,
	.capture = chr_capture,
	.make = chr_make,
};
