/* SPDX-License-Identifier: Apache-2.0 */
/* lock: one run at a time, and who goes last among those of one job. */
#include "unit.h"

#include "job/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTY ".cairn-job-1"

static struct lock join(void)
{
	struct lock l = LOCK_INIT;

	l.dirfd = open("ckpt", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	lock_join(&l, "1");
	CHECK(l.party >= 0);
	return l;
}

static void test_last(void)
{
	struct lock a = join(), b = join(), c = join();

	CHECK(!lock_leave(&a, true));
	CHECK(!lock_leave(&b, false));
	CHECK(lock_leave(&c, false));
	CHECK(access(PARTY, F_OK));
	a = join();
	CHECK(!lock_leave(&a, false));
	lock_close(&a);
	lock_close(&b);
	lock_close(&c);
}

/* Until @pid sleeps. */
static void await_sleep(pid_t pid)
{
	char path[32], text[512];
	const char *state = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (!state || state[2] != 'S') {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		close(fd);
		if (!CHECK(n > 0))
			return;
		text[n] = '\0';
		state = strrchr(text, ')');
		sched_yield();
	}
}

/* The last one takes the file away while another stands at the door, who is not to be alone with it. */
static void test_door(void)
{
	struct flock door = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1, .l_len = 1 };
	int last = open(PARTY, O_RDWR | O_CREAT | O_CLOEXEC, 0600), status = 0;
	struct stat ours, there;
	struct lock l;
	pid_t pid;

	CHECK(!fcntl(last, F_OFD_SETLK, &door));
	pid = fork();
	if (!pid) {
		close(last);
		l = join();
		CHECK(!fstat(l.party, &ours) && !stat(PARTY, &there));
		CHECK(ours.st_ino == there.st_ino);
		CHECK(lock_leave(&l, true));
		lock_close(&l);
		_exit(unit_result());
	}
	await_sleep(pid);
	CHECK(!unlink(PARTY));
	close(last);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

/* Whose lock it is has been killed; a child of it has it for a moment still, and then another one. */
static void test_ending(void)
{
	struct lock l = LOCK_INIT, other = LOCK_INIT;
	struct err err = { 0 };
	int hold[2];
	pid_t pid;
	char b;

	CHECK(!pipe2(hold, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(hold[1]);
		if (lock_open(&l, "ckpt", "", 1, 0, &err) < 0 || fork())
			_exit(err.num);
		(void)!read(hold[0], &b, 1);
		usleep(200000);
		_exit(0);
	}
	close(hold[0]);
	CHECK(waitpid(pid, NULL, 0) == pid);
	close(hold[1]);
	CHECK(lock_open(&l, "ckpt", "", 1, 0, &err) == 0);
	CHECK(lock_open(&other, "ckpt", "", 1, 0, &err) == -EBUSY);
	lock_close(&other);
	lock_close(&l);
	CHECK(!unlink("ckpt/run.lock"));
}

int main(void)
{
	char dir[] = "/tmp/cairn-lock-XXXXXX";

	if (!CHECK(mkdtemp(dir) && !chdir(dir) && !mkdir("ckpt", 0700)))
		return unit_result();
	test_last();
	test_door();
	test_ending();
	CHECK(!rmdir("ckpt") && !chdir("/") && !rmdir(dir));
	return unit_result();
}
