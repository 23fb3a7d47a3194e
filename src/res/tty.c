/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Terminals: the slave of a pseudo-terminal whose master is inside the computation, or what the
 * program's user sits at.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { /* Linux' device numbers, Documentation/admin-guide/devices.txt */
       TTY_MAJOR = 4,
       TTY_AUX_MAJOR = 5, /* 0: the controlling terminal, 1: the console */
       TTY_PTS_FIRST = 136,
       TTY_PTS_LAST = 143,
};

static bool tty_is_pts(const struct res_seen *seen)
{
	unsigned int maj = major(seen->st.st_rdev);

	return maj >= TTY_PTS_FIRST && maj <= TTY_PTS_LAST;
}

static bool tty_match(const struct res_seen *seen)
{
	unsigned int maj = major(seen->st.st_rdev);

	return S_ISCHR(seen->st.st_mode) &&
	       (tty_is_pts(seen) || maj == TTY_MAJOR ||
		(maj == TTY_AUX_MAJOR && minor(seen->st.st_rdev) <= 1));
}

static int tty_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	struct winsize size;

	(void)m;
	(void)err;
	if (ioctl(seen->dup, TIOCGWINSZ, &size) < 0 && errno == EIO)
		f->flags |= IMG_FILE_HUNG_UP;
	else if (tty_is_pts(seen))
		f->object = pty_key(seen->st.st_dev, minor(seen->st.st_rdev));
	return 0;
}

/* The console that the program has opened itself, which is nobody's terminal. */
static int tty_open_console(const char *path, int flags)
{
	OWNED_FD int fd = open(path, flags);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
			       st.st_rdev == makedev(TTY_AUX_MAJOR, 1)
		       ? owned_fd_take(&fd)
		       : -1;
}

/* Read and write what is at hand: the restart's terminal; without any, nothing. */
static int tty_make_outside(struct res_restart *r, const struct img_file *f, int flags)
{
	int fd = f->rdev == makedev(TTY_AUX_MAJOR, 1)
			 ? tty_open_console(model_string(r->m, f->path), flags)
			 : -1;

	if (fd < 0)
		fd = open("/dev/tty", flags);
	for (int i = 0; fd < 0 && i < 3; i++)
		if (r->std_fds[i] >= 0 && isatty(r->std_fds[i]))
			fd = fcntl(r->std_fds[i], F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? open("/dev/null", flags) : fd;
}

/* A terminal that has ended: any one, ended at once. */
static int tty_make_hung_up(int flags)
{
	OWNED_FD int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int off = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &off) < 0)
		return -1;
	return pty_open_slave(master, flags);
}

static int tty_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int flags = (int)f->open_flags | O_CLOEXEC | O_NOCTTY;
	const struct res_pty *pty;
	int fd = pty_open_all(r, err);

	if (fd < 0)
		return fd;
	pty = f->object ? pty_find(r, f->object) : pty_of_session(r, r->m->process.sid);
	if (f->flags & IMG_FILE_HUNG_UP)
		fd = tty_make_hung_up(flags);
	else if (pty)
		fd = pty_open_slave(pty->fd, flags);
	else
		fd = tty_make_outside(r, f, flags);
	return fd < 0 ? err_set(err, errno, "a terminal in the place of '%s'",
				model_string(r->m, f->path))
		      : fd;
}

/* Does @group hold processes of the computation? */
static bool tty_has_group(struct model *const *models, size_t n, pid_t group)
{
	for (size_t i = 0; i < n; i++)
		if (models[i]->process.pgid == group)
			return true;
	return false;
}

int res_tty_capture_own(struct res_capture *c, struct model *const *models, size_t n,
			struct err *err)
{
	OWNED_FD int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct img_pty p = { 0 };
	struct img_file *f;
	int rc;

	if (fd < 0 || !n || !tty_has_group(models, n, tcgetpgrp(fd)) ||
	    pty_get_settings(fd, &p) < 0)
		return 0;
	f = res_capture_file(c, models[0]);
	if (!f)
		return err_set(err, ENOMEM, "keep the settings of the terminal");
	f->kind = IMG_F_TTY;
	f->flags = IMG_FILE_OUTSIDE;
	rc = model_put_bytes(models[0], &f->data, &p, sizeof(p));
	if (rc >= 0)
		rc = model_put_string(models[0], &f->path, "/dev/tty");
	return rc < 0 ? err_set(err, rc, "keep the settings of the terminal") : 0;
}

bool res_tty_set_own(const struct model *m)
{
	for (size_t i = 0; i < m->files.n; i++) {
		const struct img_file *f = &m->files.at[i];
		OWNED_FD int fd = -1;
		struct img_pty p;

		if (f->kind != IMG_F_TTY || f->std_stream >= 0 || !(f->flags & IMG_FILE_OUTSIDE) ||
		    !pty_state(&p, m, f))
			continue;
		fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
		return fd >= 0 && pty_set_settings(fd, &p) == 0;
	}
	return false;
}

const struct res_kind res_tty = {
	.kind = IMG_F_TTY,
	.name = "terminal",
	.match = tty_match,
	.capture = tty_capture,
	.make = tty_make,
};
