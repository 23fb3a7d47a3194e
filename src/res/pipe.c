/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipes and FIFOs: what is in them is copied with tee(2), which takes nothing out.
 *
 * A FIFO with a name is opened by it. A pipe comes back when the first of its ends is made; the other end is
 * kept for its own img_file. An end whose other side is outside the computation finds it closed: reads end,
 * writes give EPIPE.
 */
#include "base/owned.h"
#include "base/text.h"
#include "res/res.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { /* img_file.arg */
       PIPE_ARG_SIZE,
       PIPE_ARG_FIFO, /* enum pipe_fifo */
       PIPE_ARG_PACKETS, /* data is records { uint32_t len; bytes }, one a packet, each padded to 8 */
};

enum { PIPE_HEAD = 8 }; /* a record's length, padded */
enum { PIPE_LARGEFILE = 0100000 }; /* the kernel's O_LARGEFILE; for programs of 64 bits that is 0 */

/* Inodes of FIFOs are not to be taken for those of sockets, nor for those of pipes. */
static const uint64_t pipe_spare = 1ull << 62, pipe_spare_end = 1ull << 61;

enum pipe_fifo { PIPE_NO_FIFO, PIPE_FIFO, PIPE_FIFO_REMOVED /* its name */ };

static bool pipe_match(const struct res_seen *seen)
{
	return S_ISFIFO(seen->st.st_mode);
}

/* A copy of what is in @fd, in a pipe of our own of the same size; *@len bytes. */
static int pipe_copy(int fd, int size, size_t len, int ends[2], struct err *err)
{
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "peek into a pipe");
	if (size > 0 && fcntl(ends[1], F_SETPIPE_SZ, size) < 0)
		return err_set(err, errno, "a pipe of %d bytes to peek through", size);
	n = tee(fd, ends[1], len, SPLICE_F_NONBLOCK);
	if (n < 0)
		return err_set(err, errno, "tee a pipe");
	return (size_t)n == len
		       ? 0
		       : err_say(err, RES_BUSY, "a pipe showed %zd of its %zu bytes", n, len);
}

/* Is what comes first a packet (O_DIRECT)? Reading a part of one throws the rest of it away. */
static int pipe_has_packets(int fd, int size, size_t len, struct err *err)
{
	int ends[2] = { -1, -1 }, left = 0;
	int rc = pipe_copy(fd, size, len, ends, err);
	OWNED_FD int in = ends[0];
	OWNED_FD int out = ends[1];
	char byte;

	(void)out;
	if (rc < 0)
		return rc;
	/* A packet of one byte is not told from a byte; both are read alike. */
	if (read(in, &byte, 1) != 1 || ioctl(in, FIONREAD, &left) < 0)
		return err_set(err, errno, "read a pipe's copy");
	return (size_t)left + 1 < len;
}

/* All of the copy into @pool: as it is, or packet by packet, as reading gives them. */
static int pipe_keep(int in, size_t len, bool packets, struct model *pool, struct err *err)
{
	OWNED_PTR char *buf = malloc(len);
	int rc = 0;

	if (!buf)
		return err_set(err, ENOMEM, "peek into a pipe");
	for (size_t have = 0; rc >= 0 && have < len;) {
		ssize_t got = read(in, buf, len - have);
		uint32_t size = (uint32_t)got;

		if (got <= 0)
			return err_set(err, got ? errno : EIO, "read a pipe's copy");
		if (packets)
			rc = model_put_bytes(pool, &(struct img_ref){ 0 }, &size, sizeof(size));
		if (rc >= 0)
			rc = model_put_bytes(pool, &(struct img_ref){ 0 }, buf, (size_t)got);
		have += (size_t)got;
	}
	return rc < 0 ? err_set(err, rc, "keep what is in a pipe") : 0;
}

static int pipe_peek(struct model *m, int fd, int size, size_t len, struct img_file *f,
		     struct err *err)
{
	size_t at = (size_t)(f - m->files.at);
	int ends[2] = { -1, -1 };
	int packets = pipe_has_packets(fd, size, len, err);
	int rc = packets < 0 ? packets : pipe_copy(fd, size, len, ends, err);
	OWNED_FD int in = ends[0];
	OWNED_FD int out = ends[1];
	struct model pool;

	(void)out;
	if (rc < 0)
		return rc;
	f->arg[PIPE_ARG_PACKETS] = packets > 0;
	model_init(&pool);
	rc = pipe_keep(in, len, packets > 0, &pool, err);
	if (rc >= 0)
		rc = model_put_bytes(m, &m->files.at[at].data, pool.data.at, pool.data.n);
	model_done(&pool);
	return rc;
}

/* Does its name still lead to it? */
static bool pipe_named(const struct res_seen *seen)
{
	struct stat st;

	return stat(seen->link, &st) == 0 && st.st_dev == seen->st.st_dev &&
	       st.st_ino == seen->st.st_ino;
}

static int pipe_capture(struct model *m, const struct res_seen *seen, struct img_file *f,
			struct err *err)
{
	int size = fcntl(seen->dup, F_GETPIPE_SZ);
	int len = 0;

	f->arg[PIPE_ARG_SIZE] = size > 0 ? (uint64_t)size : 0;
	f->object = seen->st.st_ino;
	if (!text_starts(seen->link, "pipe:")) {
		f->arg[PIPE_ARG_FIFO] = pipe_named(seen) ? PIPE_FIFO : PIPE_FIFO_REMOVED;
		f->kind = IMG_F_FIFO;
	}
	if ((seen->flags & O_ACCMODE) == O_WRONLY)
		return 0;
	/* One reading description is enough; a second one finds the same bytes. */
	for (size_t i = 0; i + 1 < m->files.n; i++)
		if (m->files.at[i].object == f->object && m->files.at[i].data.len)
			return 0;
	if (ioctl(seen->dup, FIONREAD, &len) < 0)
		return err_set(err, errno, "descriptor %d: bytes in '%s'", seen->fd, seen->link);
	if (!len)
		return 0;
	return pipe_peek(m, seen->dup, size, (size_t)len, f, err);
}

static int pipe_write(int fd, const char *bytes, size_t len, struct err *err)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, bytes + done, len - done);

		if (n <= 0)
			return err_set(err, n ? errno : EIO, "put %zu bytes back into a pipe", len);
		done += (size_t)n;
	}
	return 0;
}

static int pipe_write_packets(const char *at, size_t left, int fd, struct err *err)
{
	int flags = fcntl(fd, F_GETFL), rc = 0;

	if (fcntl(fd, F_SETFL, flags | O_DIRECT) < 0)
		return err_set(err, errno, "a pipe of packets");
	while (rc >= 0 && left > PIPE_HEAD) {
		uint32_t len;

		memcpy(&len, at, sizeof(len));
		if (!len || len > left - PIPE_HEAD)
			return err_say(err, EBADMSG, "the record of a pipe is damaged");
		rc = pipe_write(fd, at + PIPE_HEAD, len, err);
		len = (len + PIPE_HEAD - 1) & ~(uint32_t)(PIPE_HEAD - 1);
		at += PIPE_HEAD + len;
		left -= left > PIPE_HEAD + len ? PIPE_HEAD + len : left;
	}
	fcntl(fd, F_SETFL, flags);
	return rc;
}

/* What @f has kept, into the fresh pipe, which has room for it. */
static int pipe_fill(const struct model *m, const struct img_file *f, int fd, struct err *err)
{
	const char *bytes = model_bytes(m, f->data);

	return f->arg[PIPE_ARG_PACKETS] ? pipe_write_packets(bytes, f->data.len, fd, err)
					: pipe_write(fd, bytes, f->data.len, err);
}

static bool pipe_has_data(const struct img_file *f, uint64_t object)
{
	return f->object == object && f->data.len &&
	       (f->kind == IMG_F_PIPE || f->kind == IMG_F_FIFO);
}

/* Another description of a pipe that exists already. */
static int pipe_reopen(const struct img_file *f, int fd, struct err *err)
{
	char via[64];
	int again;

	text_format(via, sizeof(via), "/proc/self/fd/%d", fd);
	again = open(via, (int)(f->open_flags & ~(uint32_t)(O_CREAT | O_DIRECT)) | O_CLOEXEC |
				  O_NONBLOCK);
	if (again < 0)
		return err_set(err, errno, "a second descriptor of a pipe");
	if (fcntl(again, F_SETFL, f->open_flags) < 0) {
		close(again);
		return err_set(err, errno, "flags of a pipe");
	}
	return again;
}

/* As the program did; its own directory for it may have gone with the program's end (Open MPI). */
static int pipe_make_node(const char *path, mode_t mode)
{
	if (mkfifo(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	res_make_directories(path);
	return mkfifo(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

/* The FIFO itself, open in both directions, so that whoever opens one finds the other. */
static int pipe_open_fifo(const char *path, const struct img_file *f, struct err *err)
{
	struct stat st;
	int fd = pipe_make_node(path, f->mode & 07777);

	if (fd < 0)
		return err_set(err, fd, "make FIFO '%s'", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
		int rc = fd < 0 ? err_set(err, errno, "open FIFO '%s'", path)
				: err_say(err, EEXIST, "'%s' is no FIFO any more", path);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	return fd;
}

/* The first end of a FIFO. Somebody outside who kept it open has kept what was in it as well. */
static int pipe_make_fifo(struct res_restart *r, const struct img_file *f, struct err *err)
{
	const struct img_file *holder;
	const struct model *owner;
	OWNED_FD int both = pipe_open_fifo(model_string(r->m, f->path), f, err);
	int left = 0, rc, mine;

	if (both < 0)
		return both;
	if (f->arg[PIPE_ARG_SIZE])
		fcntl(both, F_SETPIPE_SZ, (int)f->arg[PIPE_ARG_SIZE]);
	holder = res_find_file(r, &owner, pipe_has_data, f->object);
	rc = ioctl(both, FIONREAD, &left) < 0 || left || !holder
		     ? 0
		     : pipe_fill(owner, holder, both, err);
	mine = rc < 0 ? rc : pipe_reopen(f, both, err);
	if (mine < 0)
		return mine;
	/* For those ends that are still to come. */
	rc = res_spare_put(r, f->object | pipe_spare, owned_fd_take(&both), err);
	if (rc < 0)
		close(mine);
	return rc < 0 ? rc : mine;
}

/* As an end that pipe(2) has made; one that was opened through /proc shows O_LARGEFILE. */
static bool pipe_is_end(const struct img_file *f)
{
	return f->kind == IMG_F_PIPE && !(f->open_flags & PIPE_LARGEFILE);
}

static bool pipe_reads(const struct img_file *f, uint64_t object)
{
	return f->object == object && pipe_is_end(f) && (f->open_flags & O_ACCMODE) == O_RDONLY;
}

static bool pipe_writes(const struct img_file *f, uint64_t object)
{
	return f->object == object && pipe_is_end(f) && (f->open_flags & O_ACCMODE) == O_WRONLY;
}

/* Keep the other end of the pipe that @f is the first one of, if there is to be one. */
static int pipe_keep_other(struct res_restart *r, const struct img_file *f, int fd, struct err *err)
{
	const struct model *owner;

	if (!pipe_is_end(f) ||
	    !res_find_file(r, &owner, pipe_reads(f, f->object) ? pipe_writes : pipe_reads,
			   f->object)) {
		close(fd);
		return 0;
	}
	return res_spare_put(r, f->object | pipe_spare_end, fd, err);
}

/* Another description of a pipe that has been made: its other end as that was made, if it is still there. */
static int pipe_take_other(struct res_restart *r, const struct img_file *f, int made,
			   struct err *err)
{
	OWNED_FD int other = -1;
	int reads = fcntl(made, F_GETFL) & O_ACCMODE;

	if (pipe_is_end(f) && reads != (int)(f->open_flags & O_ACCMODE))
		other = res_spare_take(r, f->object | pipe_spare_end);
	if (other < 0)
		return pipe_reopen(f, made, err);
	if (fcntl(other, F_SETFL, f->open_flags) < 0)
		return err_set(err, errno, "flags of a pipe");
	return owned_fd_take(&other);
}

static int pipe_make(struct res_restart *r, const struct img_file *f, struct err *err)
{
	bool reading = (f->open_flags & O_ACCMODE) != O_WRONLY;
	const struct img_file *holder;
	const struct model *owner;
	OWNED_FD int mine = -1;
	OWNED_FD int other = -1;
	int ends[2], rc;
	int made = res_made_find(r, f->object, f->kind);

	if (made >= 0)
		return pipe_take_other(r, f, made, err);
	if (f->arg[PIPE_ARG_FIFO] == PIPE_FIFO)
		return pipe_make_fifo(r, f, err);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	mine = ends[reading ? 0 : 1];
	other = ends[reading ? 1 : 0];
	if (f->arg[PIPE_ARG_SIZE] && fcntl(mine, F_SETPIPE_SZ, (int)f->arg[PIPE_ARG_SIZE]) < 0 &&
	    fcntl(mine, F_GETPIPE_SZ) < (int)f->arg[PIPE_ARG_SIZE])
		return err_set(err, errno, "a pipe of %llu bytes",
			       (unsigned long long)f->arg[PIPE_ARG_SIZE]);
	holder = res_find_file(r, &owner, pipe_has_data, f->object);
	rc = holder ? pipe_fill(owner, holder, ends[1], err) : 0;
	if (rc < 0)
		return rc;
	if ((f->open_flags & O_ACCMODE) == O_RDWR)
		return pipe_reopen(f, mine, err);
	if (fcntl(mine, F_SETFL, f->open_flags) < 0)
		return err_set(err, errno, "flags of a pipe");
	rc = pipe_keep_other(r, f, owned_fd_take(&other), err);
	return rc < 0 ? rc : owned_fd_take(&mine);
}

const struct res_kind res_pipe = {
	.kind = IMG_F_PIPE,
	.name = "pipe",
	.match = pipe_match,
	.capture = pipe_capture,
	.make = pipe_make,
};
