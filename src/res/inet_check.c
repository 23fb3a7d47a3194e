/* SPDX-License-Identifier: Apache-2.0 */
/* Before a restart: are the ports and addresses of its sockets free? Who has them is said. */
#include "base/owned.h"
#include "base/text.h"
#include "res/inet.h"
#include "res/inetdiag.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INET_CHECK_TRIES = 50, INET_CHECK_PAUSE_NS = 20000000 };

struct inet_taken {
	struct inet_end at;
	bool connection; /* only who listens is in its way */
	uint32_t inode; /* of a socket in the way; 0: none found yet */
};

/* What nobody has a descriptor for is on its way out. */
static int inet_is_taken(const struct inetdiag *d, void *data)
{
	struct inet_taken *t = data;

	if (!d->inode || d->local.port != t->at.port || (t->connection && d->state != TCP_LISTEN) ||
	    !(inet_end_is_any(&d->local) || inet_end_is_any(&t->at) ||
	      inet_end_equal(&d->local, &t->at)))
		return 0;
	t->inode = d->inode;
	return d->state == TCP_LISTEN; /* the best guess */
}

static bool inet_has_socket(const char *pid, uint32_t inode)
{
	char path[300], link[64], want[64];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	text_format(want, sizeof(want), "socket:[%u]", inode);
	text_format(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		found = text_equal(link, want);
	}
	if (dir)
		closedir(dir);
	return found;
}

/* The first process that has the socket, 0: not ours to see. */
static uint64_t inet_holder(uint32_t inode)
{
	struct dirent *entry;
	uint64_t pid = 0, n;
	DIR *dir = opendir("/proc");

	while (dir && !pid && (entry = readdir(dir)))
		if (text_number(entry->d_name, &n) && inet_has_socket(entry->d_name, inode))
			pid = n;
	if (dir)
		closedir(dir);
	return pid;
}

static int inet_say_taken(const union inet_name *name, int type, uint32_t inode, struct err *err)
{
	const char *protocol = type == SOCK_STREAM ? "TCP" : "UDP";
	uint64_t pid = inet_holder(inode);
	char text[INET_TEXT_MAX];

	inet_name_text(text, name);
	if (pid)
		return err_say(err, EADDRINUSE, "%s port %s is taken by process %llu", protocol,
			       text, (unsigned long long)pid);
	return err_say(err, EADDRINUSE, "%s port %s is taken by another user's process", protocol,
		       text);
}

/* 0: free, or only what ends by itself is in the way; else the inode of a socket that has it. */
static int inet_try(const struct img_file *f, const struct inet_state *s, uint32_t *inode,
		    struct err *err)
{
	bool stream = f->arg[INET_ARG_TYPE] == SOCK_STREAM;
	OWNED_FD int fd = inet_socket(f, err);
	int one = 1;
	struct inet_taken taken = { .inode = 0 };
	char text[INET_TEXT_MAX];
	union inet_name name;

	memcpy(name.bytes, s->name, sizeof(name.bytes));
	*inode = 0;
	if (fd < 0)
		return fd;
	inet_options_set(fd, s + 1, s->options_len, true);
	inet_bind_freely(fd, f);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &name.any, s->name_len) == 0)
		return 0;
	if (errno != EADDRINUSE)
		return err_set(err, errno, "network address %s", inet_name_text(text, &name));
	taken.at = inet_end_of(&name);
	taken.connection =
		f->arg[INET_ARG_ROLE] == INET_CONNECTED || f->arg[INET_ARG_ROLE] == INET_WAITING;
	inetdiag_list(stream ? IPPROTO_TCP : (int)f->arg[INET_ARG_PROTOCOL], ~0u, inet_is_taken,
		      &taken, NULL);
	*inode = taken.inode;
	return 0;
}

int res_check_address(const struct model *m, const struct img_file *f, struct err *err)
{
	const struct timespec pause = { .tv_nsec = INET_CHECK_PAUSE_NS };
	const struct inet_state *s = inet_state_of(m, f);
	union inet_name name;
	uint32_t inode;
	int rc;

	if (!s)
		return err_say(err, EBADMSG, "a network socket's record is damaged");
	if (!s->name_len || f->arg[INET_ARG_ROLE] >= INET_ENDED)
		return 0;
	/* Whoever was killed a moment ago may not have let go yet; there is no event for it. */
	for (int i = 0;; i++) {
		rc = inet_try(f, s, &inode, err);
		if (rc < 0 || !inode)
			return rc;
		if (i == INET_CHECK_TRIES)
			break;
		nanosleep(&pause, NULL);
	}
	memcpy(name.bytes, s->name, sizeof(name.bytes));
	return inet_say_taken(&name, (int)f->arg[INET_ARG_TYPE], inode, err);
}
