/* SPDX-License-Identifier: Apache-2.0 */
#include "res/unix.h"

#include <sys/socket.h>
#include <sys/time.h>

enum { /* where libc's headers are older than the kernel */
       OPTION_PASSPIDFD = 76,
       OPTION_PASSRIGHTS = 83,
};

/* What is read by getsockopt and given again by setsockopt. The order is part of the image format. */
static const struct {
	int name;
	socklen_t size;
} unix_options[UNIX_OPTIONS] = {
	{ SO_PASSCRED, sizeof(int) },
	{ SO_PASSSEC, sizeof(int) },
	{ OPTION_PASSPIDFD, sizeof(int) },
	{ OPTION_PASSRIGHTS, sizeof(int) },
	{ SO_PEEK_OFF, sizeof(int) },
	{ SO_RCVLOWAT, sizeof(int) },
	{ SO_RCVTIMEO, sizeof(struct timeval) },
	{ SO_SNDTIMEO, sizeof(struct timeval) },
	{ SO_LINGER, sizeof(struct linger) },
	{ SO_TIMESTAMP, sizeof(int) },
	{ SO_TIMESTAMPNS, sizeof(int) },
	{ SO_REUSEADDR, sizeof(int) },
	{ SO_KEEPALIVE, sizeof(int) },
	{ SO_OOBINLINE, sizeof(int) },
};

static uint32_t unix_option_number(int fd, int name)
{
	uint32_t value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? 0 : value;
}

void unix_option_get(int fd, struct unix_state *s)
{
	for (unsigned int i = 0; i < UNIX_OPTIONS; i++) {
		socklen_t size = unix_options[i].size;

		if (getsockopt(fd, SOL_SOCKET, unix_options[i].name, s->option[i], &size) == 0)
			s->option_set |= 1u << i;
	}
	s->sndbuf = unix_option_number(fd, SO_SNDBUF);
	s->rcvbuf = unix_option_number(fd, SO_RCVBUF);
}

/* Above the system's limit only with privilege, and only if it was so before. */
static void unix_option_buffer(int fd, int name, int force, uint32_t size)
{
	uint32_t half = size / 2;

	if (unix_option_number(fd, name) == size)
		return;
	setsockopt(fd, SOL_SOCKET, name, &half, sizeof(half));
	if (unix_option_number(fd, name) != size)
		setsockopt(fd, SOL_SOCKET, force, &half, sizeof(half));
}

void unix_option_set(int fd, const struct unix_state *s)
{
	for (unsigned int i = 0; i < UNIX_OPTIONS; i++)
		if (s->option_set & 1u << i)
			setsockopt(fd, SOL_SOCKET, unix_options[i].name, s->option[i],
				   unix_options[i].size);
	unix_option_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, s->sndbuf);
	unix_option_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, s->rcvbuf);
}
