/* SPDX-License-Identifier: Apache-2.0 */
#include "job/lock.h"

#include "base/owned.h"
#include "host/path.h"
#include "host/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOCK_ENDING_S = 5 };

enum {
	LOCK_BYTE,
	LOCK_BYTE_DOOR
}; /* of run.lock, and of the party's file: who is there; one at a time at the door */

static int lock_byte(int fd, int command, short type, off_t byte)
{
	struct flock f = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };

	return fcntl(fd, command, &f) < 0 ? -errno : 0;
}

static bool lock_is_busy(int rc)
{
	return rc == -EAGAIN || rc == -EACCES || rc == -EWOULDBLOCK || rc == -EINTR;
}

/* The first line of the file: who has signed. */
static void lock_who(int fd, char *who, size_t size)
{
	ssize_t n = pread(fd, who, size - 1, 0);

	who[n > 0 ? n : 0] = '\0';
	who[strcspn(who, "\n")] = '\0';
	if (!*who)
		snprintf(who, size, "somewhere");
}

static bool lock_is_others(int fd, unsigned int mark)
{
	char text[320];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *second;

	text[n > 0 ? n : 0] = '\0';
	second = strchr(text, '\n');
	return mark && second && second[1] && strtoul(second + 1, NULL, 16) != mark;
}

static void lock_sign(int fd, const char *job, unsigned int mark)
{
	char host[128] = "", text[256];
	int n;

	gethostname(host, sizeof(host) - 1);
	n = snprintf(text, sizeof(text), "pid %d on %s%s%s\n%06x\n", getpid(), host,
		     *job ? ", job " : "", job, mark);
	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) < 0)
		return; /* it only serves a message */
}

static void lock_alarm(int signo)
{
	(void)signo; /* its coming is enough: fcntl returns */
}

/* Who has signed was killed here: those that have the lock from it are ending as well. */
static bool lock_is_ending(int fd)
{
	char who[256], host[128] = "", here[128] = "";
	int pid = 0;

	lock_who(fd, who, sizeof(who));
	gethostname(here, sizeof(here) - 1);
	if (sscanf(who, "pid %d on %127[^,]", &pid, host) != 2 || strcmp(host, here))
		return false;
	return pid > 0 && strchr("XZ", proc_state(pid)); /* or it is gone */
}

static void lock_say_wait(int fd, const char *dir, unsigned int wait_s)
{
	char who[256];

	lock_who(fd, who, sizeof(who));
	fprintf(stderr, "cairn: waiting up to %u s for the one that runs with '%s' (%s)\n", wait_s,
		dir, who);
}

static int lock_wait(int fd, unsigned int wait_s)
{
	struct sigaction act = { .sa_handler = lock_alarm }, old;
	int rc;

	sigaction(SIGALRM, &act, &old);
	alarm(wait_s);
	rc = lock_byte(fd, F_OFD_SETLKW, F_WRLCK, LOCK_BYTE);
	alarm(0);
	sigaction(SIGALRM, &old, NULL);
	return rc;
}

static int lock_take(struct lock *l, const char *dir, const char *job, unsigned int mark,
		     unsigned int wait_s, struct err *err)
{
	char who[256];
	int rc;

	/* Who has just taken it signs before another one looks who that is. */
	lock_byte(l->fd, F_OFD_SETLKW, F_WRLCK, LOCK_BYTE_DOOR);
	rc = lock_byte(l->fd, F_OFD_SETLK, F_WRLCK, LOCK_BYTE);
	if (lock_is_busy(rc))
		l->others = lock_is_others(l->fd, mark);
	else
		lock_sign(l->fd, job, mark);
	lock_byte(l->fd, F_OFD_SETLK, F_UNLCK, LOCK_BYTE_DOOR);
	if (lock_is_busy(rc) && wait_s && !l->others)
		lock_say_wait(l->fd, dir, wait_s);
	else if (lock_is_busy(rc) && !l->others && lock_is_ending(l->fd))
		wait_s = LOCK_ENDING_S;
	if (lock_is_busy(rc) && wait_s && !l->others) {
		rc = lock_wait(l->fd, wait_s);
		if (!lock_is_busy(rc))
			lock_sign(l->fd, job, mark);
	}
	if (lock_is_busy(rc)) {
		lock_who(l->fd, who, sizeof(who));
		return err_say(err, EBUSY,
			       "this job is running already (%s), with its checkpoints in '%s': a "
			       "job of its own wants another directory (-d) or name (-n)",
			       who, dir);
	}
	if (rc < 0)
		fprintf(stderr,
			"cairn: the file system of '%s' has no locks (%s): nothing prevents a "
			"second "
			"start\n",
			dir, err_text(-rc));
	return 0;
}

int lock_open(struct lock *l, const char *dir, const char *job, unsigned int mark,
	      unsigned int wait_s, struct err *err)
{
	if (path_make_all(dir, 0700, err) < 0)
		return err_add(err, "checkpoint directory (-d names another)");
	l->dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (l->dirfd < 0)
		return err_set(err, errno, "checkpoint directory '%s' (-d names another)", dir);
	l->fd = openat(l->dirfd, "run.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0)
		return err_set(err, errno,
			       "checkpoint directory (-d names another): create '%s/run.lock'",
			       dir);
	return lock_take(l, dir, job, mark, wait_s, err);
}

void lock_close(struct lock *l)
{
	owned_fd_done(&l->party);
	owned_fd_done(&l->fd);
	owned_fd_done(&l->dirfd);
	*l = LOCK_INIT;
}

/* The last one takes the file away: is it still the one that others find? */
static bool lock_is_there(const struct lock *l)
{
	struct stat ours, there;

	return !fstat(l->party, &ours) && !fstatat(l->dirfd, l->party_name, &there, 0) &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

/* At the door nobody stays long. */
static int lock_enter(struct lock *l)
{
	int rc = -EAGAIN;

	while (rc == -EAGAIN) {
		owned_fd_done(&l->party);
		l->party = openat(l->dirfd, l->party_name,
				  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (l->party < 0)
			return -errno;
		rc = lock_byte(l->party, F_OFD_SETLKW, F_WRLCK, LOCK_BYTE_DOOR);
		if (rc >= 0 && !lock_is_there(l))
			rc = -EAGAIN;
	}
	return rc < 0 ? rc : lock_byte(l->party, F_OFD_SETLKW, F_RDLCK, LOCK_BYTE);
}

void lock_join(struct lock *l, const char *job)
{
	snprintf(l->party_name, sizeof(l->party_name), "../.cairn-job-%s", job);
	if (lock_enter(l) < 0) {
		owned_fd_done(&l->party);
		l->party = -1;
	} else {
		lock_byte(l->party, F_OFD_SETLK, F_UNLCK, LOCK_BYTE_DOOR);
	}
}

bool lock_leave(struct lock *l, bool want)
{
	char wanted;
	bool last;

	if (l->party < 0)
		return want;
	lock_byte(l->party, F_OFD_SETLKW, F_WRLCK, LOCK_BYTE_DOOR);
	if (want && pwrite(l->party, "1", 1, 0) != 1)
		fprintf(stderr, "cairn: cannot write '%s': %s\n", l->party_name, strerror(errno));
	lock_byte(l->party, F_OFD_SETLK, F_UNLCK, LOCK_BYTE);
	last = lock_byte(l->party, F_OFD_SETLK, F_WRLCK, LOCK_BYTE) >= 0;
	want = last && pread(l->party, &wanted, 1, 0) == 1;
	if (last)
		unlinkat(l->dirfd, l->party_name, 0);
	owned_fd_done(&l->party);
	l->party = -1;
	return want;
}
