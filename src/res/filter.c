/* SPDX-License-Identifier: Apache-2.0 */
/* The packet filter of a socket of any family (SO_ATTACH_FILTER): a program of classic BPF. */
#include "res/inet.h"
#include "res/kinds.h"

#include <errno.h>
#include <linux/filter.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static bool filter_is_locked(int fd)
{
	int locked = 0;
	socklen_t len = sizeof(locked);

	return getsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &locked, &len) == 0 && locked;
}

int filter_capture(struct model *m, const struct res_seen *seen, size_t at, struct err *err)
{
	struct sock_filter code[BPF_MAXINSNS / 16], *more = code;
	socklen_t n = 0; /* counts instructions here, not bytes */
	int rc;

	if (!S_ISSOCK(seen->st.st_mode))
		return 0;
	rc = getsockopt(seen->dup, SOL_SOCKET, SO_GET_FILTER, NULL, &n) < 0 ? -errno : 0;
	if (rc == -EACCES)
		return err_say(
			err, ENOTSUP,
			"descriptor %d is a socket with a filter of extended BPF, which cannot "
			"be brought back; detach it before the checkpoint",
			seen->fd);
	if (filter_is_locked(seen->dup))
		m->files.at[at].flags |= IMG_FILE_FILTER_LOCKED;
	if (rc < 0 || !n)
		return 0; /* a kind of socket that has none */
	if (n > sizeof(code) / sizeof(code[0]))
		more = calloc(n, sizeof(*more));
	if (!more)
		return err_set(err, ENOMEM, "keep the filter of a socket");
	if (getsockopt(seen->dup, SOL_SOCKET, SO_GET_FILTER, more, &n) < 0)
		rc = err_set(err, errno, "read the filter of descriptor %d", seen->fd);
	else if ((rc = model_put_bytes(m, &m->files.at[at].filter, more, n * sizeof(*more))) < 0)
		rc = err_set(err, rc, "keep the filter of a socket");
	if (more != code)
		free(more);
	return rc;
}

void filter_deafen(int fd)
{
	const struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0), *code = &nothing;
	struct sock_fprog program = { .len = 1 };
	char byte;

	memcpy(&program.filter, &code, sizeof(code)); /* not const there, and only read */
	setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
	while (recv(fd, &byte, 1, MSG_DONTWAIT) >= 0)
		;
}

/* Has it been deafened? */
static bool filter_is_deaf(const struct img_file *f)
{
	return f->kind == IMG_F_PACKET || (f->kind == IMG_F_INET && inet_raw_is(f));
}

int filter_attach(const struct model *m, const struct img_file *f, int fd, struct err *err)
{
	const struct sock_filter *code = model_bytes(m, f->filter);
	struct sock_fprog program = { .len = (unsigned short)(f->filter.len / sizeof(*code)) };
	const int one = 1;

	memcpy(&program.filter, &code, sizeof(code)); /* not const there, and only read */
	if (program.len &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return err_set(err, errno, "give a socket its filter again");
	if (!program.len && filter_is_deaf(f) &&
	    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &one, sizeof(one)) < 0)
		return err_set(err, errno, "let a socket hear again");
	if (f->flags & IMG_FILE_FILTER_LOCKED &&
	    setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &one, sizeof(one)) < 0)
		return err_set(err, errno, "lock the filter of a socket");
	return 0;
}
