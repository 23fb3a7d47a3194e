/* SPDX-License-Identifier: Apache-2.0 */
#include "res/pty.h"

#include "base/mem.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/log.h"
#include "host/procid.h"
#include "res/pty_queue.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

enum {
	PTY_MASTER_MAJOR = 5,
	PTY_MASTER_MINOR = 2,
	PTY_PATIENCE = 50, /* ticks */
	PTY_TICK_NS = 2000000,
};

_Static_assert(sizeof(struct termios2) == 44, "the kernel's");

uint64_t pty_key(uint64_t dev, uint32_t index)
{
	return dev << 32 | (index + 1ull);
}

bool pty_state(struct img_pty *p, const struct model *m, const struct img_file *f)
{
	if (f->data.len < sizeof(*p))
		return false;
	memcpy(p, model_bytes(m, f->data), sizeof(*p));
	return (uint64_t)p->output_len + p->input_len == f->data.len - sizeof(*p);
}

int pty_get_settings(int fd, struct img_pty *p)
{
	struct termios2 t;

	if (ioctl(fd, TCGETS2, &t) < 0)
		return -errno;
	p->termios[0] = t.c_iflag;
	p->termios[1] = t.c_oflag;
	p->termios[2] = t.c_cflag;
	p->termios[3] = t.c_lflag;
	p->speed[0] = t.c_ispeed;
	p->speed[1] = t.c_ospeed;
	p->line = t.c_line;
	memcpy(p->cc, t.c_cc, sizeof(p->cc));
	return 0;
}

int pty_set_settings(int fd, const struct img_pty *p)
{
	struct termios2 t = {
		.c_iflag = p->termios[0],
		.c_oflag = p->termios[1],
		.c_cflag = p->termios[2],
		.c_lflag = p->termios[3],
		.c_line = p->line,
		.c_ispeed = p->speed[0],
		.c_ospeed = p->speed[1],
	};

	memcpy(t.c_cc, p->cc, sizeof(t.c_cc));
	return ioctl(fd, TCSETS2, &t) < 0 ? -errno : 0;
}

int pty_open_slave(int fd, int flags)
{
	/* Asked for here it would stay in the flags of the description, where it means nothing. */
	int slave = ioctl(fd, TIOCGPTPEER, (flags & ~O_CLOEXEC) | O_NOCTTY);

	return slave < 0 || fcntl(slave, F_SETFD, FD_CLOEXEC) < 0 ? -errno : slave;
}

static bool pty_match(const struct res_seen *seen)
{
	return S_ISCHR(seen->st.st_mode) && major(seen->st.st_rdev) == PTY_MASTER_MAJOR &&
	       minor(seen->st.st_rdev) == PTY_MASTER_MINOR;
}

static uint32_t pty_flags(int fd)
{
	struct pollfd hung = { .fd = fd };
	int locked = 0, packet = 0, exclusive = 0;

	ioctl(fd, TIOCGPTLCK, &locked);
	ioctl(fd, TIOCGPKT, &packet);
	ioctl(fd, TIOCGEXCL, &exclusive);
	poll(&hung, 1, 0);
	return (locked ? IMG_PTY_LOCKED : 0u) | (packet ? IMG_PTY_PACKET : 0u) |
	       (exclusive ? IMG_PTY_EXCLUSIVE : 0u) |
	       (hung.revents & POLLHUP ? IMG_PTY_HUNG_UP : 0u);
}

/* The slave's name, as the process sees it; which also tells the file system that the pair lives in. */
static uint64_t pty_capture_name(const struct res_seen *seen, struct img_pty *p)
{
	char path[64];
	struct stat st;

	text_format(path, sizeof(path), "/proc/%d/root/dev/pts/%u", procid_shown(seen->pid),
		    p->index);
	if (stat(path, &st) < 0) {
		text_format(path, sizeof(path), "/dev/pts/%u", p->index);
		if (stat(path, &st) < 0)
			return 0;
	}
	p->uid = st.st_uid;
	p->gid = st.st_gid;
	p->mode = st.st_mode;
	return pty_key(st.st_dev, p->index);
}

/* The master answers for both ends. What is in the queues is looked for later: pty_queue.h. */
static int pty_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
		       struct err *err)
{
	struct img_pty p = { .flags = pty_flags(seen->dup) };
	struct winsize size = { 0 };
	int id = 0, rc;

	if (ioctl(seen->dup, TIOCGPTN, &p.index) < 0)
		return err_set(err, errno, "number of the terminal behind descriptor %d", seen->fd);
	rc = pty_get_settings(seen->dup, &p);
	if (rc < 0)
		return err_set(err, rc, "settings of /dev/pts/%u", p.index);
	if (p.line != N_TTY)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is the master of /dev/pts/%u, which has line discipline "
			"%u: only ordinary terminals can be brought back; close it first",
			seen->fd, p.index, p.line);
	if (ioctl(seen->dup, TIOCGWINSZ, &size) == 0)
		memcpy(p.size, &size, sizeof(p.size));
	if (ioctl(seen->dup, TIOCGSID, &id) == 0)
		p.session = id;
	if (ioctl(seen->dup, TIOCGPGRP, &id) == 0)
		p.foreground = id;
	f->object = pty_capture_name(seen, &p);
	rc = model_put_bytes(m, &f->data, &p, sizeof(p));
	return rc < 0 ? err_set(err, rc, "keep /dev/pts/%u", p.index) : 0;
}

const struct res_pty *pty_find(const struct res_restart *r, uint64_t key)
{
	for (size_t i = 0; key && i < r->nptys; i++)
		if (r->ptys[i].file->object == key)
			return &r->ptys[i];
	return NULL;
}

static int pty_list(struct res_restart *r, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->files.n; k++)
			n += r->models[i]->files.at[k].kind == IMG_F_PTMX;
	r->ptys = calloc(n + 1, sizeof(*r->ptys));
	if (!r->ptys)
		return err_set(err, ENOMEM, "%zu terminals", n);
	for (size_t i = 0; i < r->nmodels; i++)
		for (size_t k = 0; k < r->models[i]->files.n; k++) {
			const struct img_file *f = &r->models[i]->files.at[k];
			struct res_pty *pty = &r->ptys[r->nptys];

			if (f->kind != IMG_F_PTMX)
				continue;
			if (!pty_state(&pty->state, r->models[i], f))
				return err_say(err, EBADMSG, "terminal of file %u makes no sense",
					       f->id);
			pty->file = f;
			pty->owner = r->models[i];
			pty->fd = -1;
			r->nptys++;
		}
	return 0;
}

static int pty_open_master(uint32_t *index, struct err *err)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open a new terminal (/dev/ptmx)");
	if (ioctl(fd, TIOCGPTN, index) < 0)
		*index = UINT32_MAX;
	return fd;
}

/* Out of the way of the program's numbers. */
static int pty_lift(const struct res_restart *r, int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, r->base);

	if (fd >= 0)
		close(fd);
	return high;
}

/*
 * The kernel gives out the lowest free number: so all up to the highest wanted one are taken, and those that
 * nobody wanted given back. Returns how many are still without.
 */
static int pty_open_wanted(struct res_restart *r, struct err *err)
{
	uint32_t highest = 0, index = 0;
	OWNED_PTR int *others = NULL;
	size_t nothers = 0;
	int missing = 0;

	for (size_t i = 0; i < r->nptys; i++)
		if (r->ptys[i].state.index > highest)
			highest = r->ptys[i].state.index;
	others = calloc((size_t)highest + 2, sizeof(*others));
	if (!others)
		return err_set(err, ENOMEM, "open terminals");
	do {
		int fd = pty_open_master(&index, err);

		if (fd < 0)
			break; /* no more to be had: told below, where one is missing */
		for (size_t i = 0; i < r->nptys && fd >= 0; i++)
			if (r->ptys[i].fd < 0 && r->ptys[i].state.index == index)
				r->ptys[i].fd = pty_lift(r, owned_fd_take(&fd));
		if (fd >= 0)
			others[nothers++] = fd;
	} while (index < highest && nothers <= highest);
	while (nothers)
		close(others[--nothers]);
	for (size_t i = 0; i < r->nptys; i++)
		missing += r->ptys[i].fd < 0;
	return missing;
}

/*
 * The same, where another restart may have a number for a moment, on its way to a higher one. In a mount
 * namespace of our own there is a better way than to wait.
 */
static int pty_open_patiently(struct res_restart *r, struct err *err)
{
	int missing = pty_open_wanted(r, err);

	for (int i = 0; missing > 0 && !r->own_mounts && i < PTY_PATIENCE; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = PTY_TICK_NS }, NULL);
		missing = pty_open_wanted(r, err);
	}
	return missing;
}

/* A number is taken here. In a mount namespace of our own, terminals of our own have every number. */
static int pty_open_apart(struct res_restart *r, struct err *err)
{
	if (!r->own_mounts || mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
				    "newinstance,ptmxmode=0666,mode=620") < 0)
		return 1;
	for (size_t i = 0; i < r->nptys; i++) {
		owned_fd_done(&r->ptys[i].fd);
		r->ptys[i].fd = -1;
	}
	return pty_open_wanted(r, err);
}

/* Where terminals of our own cannot be had, another number has to do. */
static int pty_open_any(struct res_restart *r, struct err *err)
{
	for (size_t i = 0; i < r->nptys; i++) {
		struct res_pty *pty = &r->ptys[i];
		uint32_t index;

		if (pty->fd >= 0)
			continue;
		pty->fd = pty_lift(r, pty_open_master(&index, err));
		if (pty->fd < 0)
			return err_add(err, "in the place of /dev/pts/%u", pty->state.index);
		log_info("pty", "/dev/pts/%u is taken: its terminal is /dev/pts/%u now",
			 pty->state.index, index);
	}
	return 0;
}

static int pty_set_up(const struct res_pty *pty, struct err *err)
{
	const struct img_pty *p = &pty->state;
	OWNED_FD int slave = -1;
	struct winsize size;
	uint32_t index = 0;
	int off = 0, packet = !!(p->flags & IMG_PTY_PACKET), rc;
	char path[32];

	memcpy(&size, p->size, sizeof(size));
	rc = pty_set_settings(pty->fd, p);
	if (rc < 0 || ioctl(pty->fd, TIOCSWINSZ, &size) < 0 ||
	    ioctl(pty->fd, TIOCSPTLCK, &off) < 0 || ioctl(pty->fd, TIOCGPTN, &index) < 0)
		return err_set(err, rc < 0 ? rc : errno, "settings of terminal /dev/pts/%u",
			       p->index);
	text_format(path, sizeof(path), "/dev/pts/%u", index);
	if (p->mode) {
		/* Best effort: the group may not exist in a user namespace. */
		if (lchown(path, p->uid, p->gid) < 0)
			(void)!lchown(path, p->uid, (gid_t)-1);
		(void)!chmod(path, p->mode & 07777);
	}
	if (p->flags & (IMG_PTY_HUNG_UP | IMG_PTY_STOPPED) || p->output_len || p->input_len) {
		slave = pty_open_slave(pty->fd, O_RDWR | O_NONBLOCK);
		if (slave < 0)
			return err_set(err, slave, "open terminal %s", path);
		rc = pty_queue_put(pty->fd, slave, p,
				   (const uint8_t *)model_bytes(pty->owner, pty->file->data) +
					   sizeof(*p),
				   err);
	}
	if (rc >= 0 && ioctl(pty->fd, TIOCPKT, &packet) < 0)
		rc = err_set(err, errno, "packet mode of %s", path);
	return rc;
}

int pty_open_all(struct res_restart *r, struct err *err)
{
	int rc;

	if (r->ptys)
		return 0;
	rc = pty_list(r, err);
	if (rc < 0 || !r->nptys)
		return rc;
	rc = pty_open_patiently(r, err);
	if (rc > 0)
		rc = pty_open_apart(r, err);
	if (rc > 0)
		rc = pty_open_any(r, err);
	for (size_t i = 0; rc >= 0 && i < r->nptys; i++)
		rc = pty_set_up(&r->ptys[i], err);
	return rc;
}

void pty_close_all(struct res_restart *r)
{
	for (size_t i = 0; i < r->nptys; i++)
		owned_fd_done(&r->ptys[i].fd);
	free(r->ptys);
	r->ptys = NULL;
	r->nptys = 0;
}

static int pty_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	int rc = pty_open_all(r, err);

	for (size_t i = 0; rc >= 0 && i < r->nptys; i++) {
		if (r->ptys[i].file != f)
			continue;
		rc = fcntl(r->ptys[i].fd, F_DUPFD_CLOEXEC, 0);
		if (rc < 0 || fcntl(rc, F_SETFL, f->open_flags) < 0)
			return err_set(err, errno, "master of /dev/pts/%u", r->ptys[i].state.index);
		return rc;
	}
	return rc < 0 ? rc : err_say(err, EINVAL, "file %u is no terminal", f->id);
}

/* What would stand in our own way: once every description is there. */
void res_pty_close_doors(struct res_restart *r)
{
	int on = 1;

	for (size_t i = 0; i < r->nptys; i++) {
		const struct res_pty *pty = &r->ptys[i];
		int slave = res_made_find(r, pty->file->object, IMG_F_TTY);

		if (pty->state.flags & IMG_PTY_LOCKED)
			ioctl(pty->fd, TIOCSPTLCK, &on);
		if (pty->state.flags & IMG_PTY_EXCLUSIVE)
			ioctl(pty->fd, TIOCEXCL);
		if (pty->state.flags & IMG_PTY_SLAVE_EXCLUSIVE && slave >= 0)
			ioctl(slave, TIOCEXCL);
	}
}

const struct res_pty *pty_of_session(const struct res_restart *r, pid_t sid)
{
	for (size_t i = 0; i < r->nptys; i++)
		if (r->ptys[i].state.session == sid)
			return &r->ptys[i];
	return NULL;
}

/* A descriptor for the slave of @pty, one of the program's where it has one. */
static int pty_borrow_slave(const struct res_restart *r, const struct res_pty *pty)
{
	int fd = res_made_find(r, pty->file->object, IMG_F_TTY);

	return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : pty_open_slave(pty->fd, O_RDWR);
}

int res_pty_control(const struct res_restart *r, pid_t sid, struct err *err)
{
	const struct res_pty *pty = pty_of_session(r, sid);
	OWNED_FD int fd = pty ? pty_borrow_slave(r, pty) : -1;

	if (!pty)
		return 0;
	if (fd < 0 || ioctl(fd, TIOCSCTTY, 0) < 0)
		return err_set(err, fd < 0 ? fd : errno,
			       "make /dev/pts/%u the terminal of session %d", pty->state.index,
			       sid);
	return 0;
}

pid_t res_pty_foreground(const struct res_restart *r, pid_t sid)
{
	const struct res_pty *pty = pty_of_session(r, sid);

	return pty ? pty->state.foreground : 0;
}

void res_pty_set_foreground(const struct res_restart *r, pid_t sid)
{
	const struct res_pty *pty = pty_of_session(r, sid);
	OWNED_FD int fd = pty ? pty_borrow_slave(r, pty) : -1;

	if (fd >= 0)
		ioctl(fd, TIOCSPGRP, &pty->state.foreground);
}

const struct res_kind res_ptmx = {
	.kind = IMG_F_PTMX,
	.name = "terminal master",
	.match = pty_match,
	.capture = pty_capture,
	.make = pty_make,
};
