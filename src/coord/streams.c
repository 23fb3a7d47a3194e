/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/streams.h"
#include "base/owned.h"
#include "base/text.h"
#include "host/procid.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void streams_note(struct streams *s)
{
	struct stat st;

	*s = (struct streams){ 0 };
	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) || fstat(fd, &st))
			continue;
		s->at[fd].open = true;
		s->at[fd].dev = st.st_dev;
		s->at[fd].ino = st.st_ino;
	}
}

void streams_release(struct streams *s)
{
	OWNED_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct stat st;

	for (int fd = 0; fd <= 2; fd++) {
		if (!s->at[fd].open || fstat(fd, &st) ||
		    !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
			continue;
		s->at[fd].released = null >= 0 && dup3(null, fd, O_CLOEXEC) == fd;
	}
}

void streams_of_program(struct streams *s, pid_t pid)
{
	char path[48];
	struct stat st;

	*s = (struct streams){ 0 };
	for (int fd = 0; fd <= 2; fd++) {
		text_format(path, sizeof(path), "/proc/%d/fd/%d", procid_shown(pid), fd);
		if (stat(path, &st))
			continue;
		s->at[fd].open = s->at[fd].released = true;
		s->at[fd].dev = st.st_dev;
		s->at[fd].ino = st.st_ino;
	}
}

void streams_tell(const struct streams *s, struct res_stream streams[3])
{
	for (int fd = 0; fd <= 2; fd++) {
		streams[fd] =
			(struct res_stream){ .number = fd, .fd = s->at[fd].released ? -1 : fd };
		if (s->at[fd].open) {
			streams[fd].dev = s->at[fd].dev;
			streams[fd].ino = s->at[fd].ino;
		}
	}
}
