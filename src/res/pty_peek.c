/* SPDX-License-Identifier: Apache-2.0 */
/* At a checkpoint: what is in the queues of the terminals inside the computation. See pty_queue.h. */
#include "base/owned.h"
#include "base/sys.h"
#include "res/capture.h"
#include "res/pty.h"
#include "res/pty_queue.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct peek { /* one terminal; shared with the process that looks */
	struct model *m;
	size_t file; /* the IMG_F_PTMX in @m */
	int master, slave; /* slave -1: no process has it open, and it is not ours to do so */
	struct img_pty p;
	struct err err;
	uint8_t bytes[PTY_QUEUE_MAX];
};

/* Number @fd of a process, through any thread of it that has not ended; -1. */
static int peek_get(const struct model *m, int fd)
{
	for (size_t i = 0; i < m->threads.n; i++) {
		OWNED_FD int pidfd = capture_pidfd(m->threads.at[i].tid);
		int mine = (int)sys3(__NR_pidfd_getfd, pidfd, fd, 0);

		if (mine >= 0)
			return mine;
	}
	return -1;
}

/* A descriptor of ours for the description of file @id, that some process has; -1. */
static int peek_borrow(struct model *const *models, size_t n, uint32_t id)
{
	int fd = -1;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; fd < 0 && k < models[i]->fds.n; k++)
			if (models[i]->fds.at[k].file == id)
				fd = peek_get(models[i], models[i]->fds.at[k].fd);
	return fd;
}

static int peek_borrow_slave(struct model *const *models, size_t n, uint64_t key)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < models[i]->files.n; k++) {
			const struct img_file *f = &models[i]->files.at[k];
			int fd = -1;

			if (f->kind == IMG_F_TTY && f->std_stream < 0 && f->object == key)
				fd = peek_borrow(models, n, f->id);
			if (fd >= 0)
				return fd;
		}
	return -1;
}

static void peek_look(struct peek *k)
{
	struct err put = ERR_INIT;
	int exclusive = 0, packet = 1;

	if (k->p.flags & IMG_PTY_HUNG_UP)
		k->slave = pty_open_slave(k->master, O_RDWR);
	if (k->slave < 0)
		return;
	if (ioctl(k->slave, TIOCGEXCL, &exclusive) == 0 && exclusive)
		k->p.flags |= IMG_PTY_SLAVE_EXCLUSIVE;
	pty_queue_take(k->master, k->slave, &k->p, k->bytes, &k->err);
	if (pty_queue_put(k->master, k->slave, &k->p, k->bytes, &put) < 0 && !k->err.num)
		k->err = put;
	if (k->p.flags & IMG_PTY_PACKET && ioctl(k->master, TIOCPKT, &packet) < 0 && !k->err.num)
		err_set(&k->err, errno, "packet mode of /dev/pts/%u", k->p.index);
}

/*
 * A process of its own, which nobody's end interrupts; without an exit signal, as nobody but us knows
 * of it. It shares nothing that libc would have to make ready for a fork.
 */
static int peek_apart(struct peek *at, size_t n, struct err *err)
{
	pid_t pid = (pid_t)sys5(__NR_clone, 0, 0, 0, 0, 0);
	int status = 0;

	if (pid == 0) {
		for (size_t i = 0; i < n; i++)
			peek_look(&at[i]);
		_exit(0);
	}
	if (pid < 0)
		return err_set(err, pid, "look into the queues of terminals");
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "look into the queues of terminals");
	if (status)
		return err_say(err, ECHILD, "looking into the queues of terminals failed");
	for (size_t i = 0; i < n; i++)
		if (at[i].err.num) {
			*err = at[i].err;
			return -err->num;
		}
	return 0;
}

static int peek_keep(const struct peek *k, struct err *err)
{
	struct img_file *f = &k->m->files.at[k->file];
	uint32_t len = k->p.output_len + k->p.input_len;
	uint8_t *all = malloc(sizeof(k->p) + len);
	int rc = -ENOMEM;

	if (all) {
		memcpy(all, &k->p, sizeof(k->p));
		memcpy(all + sizeof(k->p), k->bytes, len);
		rc = model_put_bytes(k->m, &f->data, all, sizeof(k->p) + len);
	}
	free(all);
	return rc < 0 ? err_set(err, rc, "keep what is in /dev/pts/%u", k->p.index) : 0;
}

static int peek_all(struct model *const *models, size_t n, struct peek *at, struct err *err)
{
	size_t found = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < models[i]->files.n; j++) {
			const struct img_file *f = &models[i]->files.at[j];
			struct peek *k = &at[found];

			if (f->kind != IMG_F_PTMX || !pty_state(&k->p, models[i], f))
				continue;
			k->m = models[i];
			k->file = j;
			k->master = peek_borrow(models, n, f->id);
			k->slave = peek_borrow_slave(models, n, f->object);
			found += k->master >= 0;
		}
	rc = peek_apart(at, found, err);
	for (size_t i = 0; i < found; i++) {
		if (rc >= 0)
			rc = peek_keep(&at[i], err);
		owned_fd_done(&at[i].master);
		owned_fd_done(&at[i].slave);
	}
	return rc;
}

int res_capture_queues(struct model *const *models, size_t n, struct err *err)
{
	size_t masters = 0, size;
	struct peek *at;
	int rc;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < models[i]->files.n; j++)
			masters += models[i]->files.at[j].kind == IMG_F_PTMX;
	if (!masters)
		return 0;
	size = (masters + 1) * sizeof(*at);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	if (at == MAP_FAILED)
		return err_set(err, errno, "room for the queues of %zu terminals", masters);
	rc = peek_all(models, n, at, err);
	munmap(at, size);
	return rc;
}
