/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose file was removed or replaced while it ran: made again, and removed again. */
#include "base/owned.h"
#include "base/text.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PROGRAM_MODE = 0700 };

/* Under its old name if that is free, else beside it, else in memory; *@named: it has the name @path. */
static int program_create(const char *path, bool *named)
{
	OWNED_PTR char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd = -1;

	*named = false;
	if (text_starts(path, "/memfd:"))
		return res_memfd_create(path + strlen("/memfd:"), 0, true);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, PROGRAM_MODE);
	*named = fd >= 0;
	if (fd < 0 && slash) {
		slash[slash == dir] = '\0';
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, PROGRAM_MODE);
	}
	return fd < 0 ? res_memfd_create("program", 0, true) : fd;
}

int res_open_program(const struct model *m, struct err *err)
{
	OWNED_PTR char *path = strdup(model_string(m, m->process.exe));
	OWNED_FD int made = -1;
	char via[64];
	bool named = false;
	int fd = -1, rc;

	if (!path)
		return err_set(err, ENOMEM, "program");
	text_drop_end(path, " (deleted)");
	made = program_create(path, &named);
	rc = made < 0 ? err_set(err, errno, "make the program '%s' again", path)
		      : res_load_contents(m, m->process.exe_data, made, err);
	if (rc >= 0) {
		fchmod(made, PROGRAM_MODE);
		/* What can be written to cannot be a program: another description, and this one goes. */
		text_format(via, sizeof(via), "/proc/self/fd/%d", made);
		fd = open(via, O_RDONLY | O_CLOEXEC);
		rc = fd < 0 ? err_set(err, errno, "open the program '%s' again", path) : 0;
	}
	if (named)
		unlink(path);
	return rc < 0 ? rc : fd;
}
