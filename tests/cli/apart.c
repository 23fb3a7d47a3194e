/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More, or less, than processes: apart memory|sisters|crossed|thread|segments|children|nothing. A child that
 * shares its memory with its parent by clone(2), or with another child only, descriptors that orphans share
 * with who is not their parent, a thread with descriptors of its own, a local descriptor table, a pid
 * namespace for children to come (root). Says "there", and for each line that comes how many there were.
 */
#include <asm/ldt.h>
#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));
static pthread_barrier_t begun;

/* No libc: its memory is the parent's. */
static int wait_here(void *arg)
{
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (!arg)
		syscall(SYS_pause);
	return 0;
}

static void *apart(void *arg)
{
	if (unshare(CLONE_FILES))
		err(1, "unshare");
	pthread_barrier_wait(&begun);
	for (;;)
		pause();
	return arg;
}

static void share(int flags)
{
	if (clone(wait_here, stack + sizeof(stack), CLONE_VM | flags | SIGCHLD, NULL) < 0)
		err(1, "clone");
}

/* Our child, and one that it makes for us. */
static void begin_sisters(void)
{
	int line[2];
	char c;
	pid_t pid;

	if (pipe(line) || (pid = fork()) < 0)
		err(1, "fork");
	if (!pid) {
		share(CLONE_PARENT);
		if (write(line[1], "", 1) != 1)
			err(1, "write");
		wait_here(NULL);
	}
	if (read(line[0], &c, 1) != 1)
		err(1, "read");
}

/* A process like fork(2) makes it; true in it. */
static int born(int flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid < 0)
		err(1, "clone");
	return !pid;
}

static void stay(int line)
{
	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (line >= 0 && write(line, "", 1) != 1)
		err(1, "write");
	for (;;)
		pause();
}

/* By a process that ends: one that has our descriptors and comes to whoever takes orphans. */
static void leave_orphan(int line, pid_t reaper)
{
	if (born(CLONE_FILES)) {
		if (!born(CLONE_FILES))
			_exit(0);
		while (getppid() != reaper)
			usleep(100);
		stay(line);
	}
	wait(NULL);
}

/*
 * A child and its own child, each with descriptors of its own, and each shares them with an orphan: a restart
 * would have to make the child with both.
 */
static void begin_crossed(void)
{
	pid_t here = getpid();
	int line[2];
	char c;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe(line))
		err(1, "pipe");
	if (born(0)) {
		leave_orphan(line[1], here);
		if (born(0)) {
			leave_orphan(line[1], here);
			stay(line[1]);
		}
		stay(-1);
	}
	for (int n = 0; n < 3; n++)
		if (read(line[0], &c, 1) != 1)
			err(1, "read");
}

static void begin(const char *what)
{
	struct user_desc segment = { .entry_number = 1, .limit = 0xfffff, .seg_32bit = 1 };
	pthread_t thread;

	if (!strcmp(what, "memory"))
		share(0);
	if (!strcmp(what, "sisters"))
		begin_sisters();
	if (!strcmp(what, "crossed"))
		begin_crossed();
	if (!strcmp(what, "segments") && syscall(SYS_modify_ldt, 1, &segment, sizeof(segment)))
		err(77, "modify_ldt");
	if (!strcmp(what, "children") && unshare(CLONE_NEWPID))
		err(77, "unshare");
	if (strcmp(what, "thread"))
		return;
	pthread_barrier_init(&begun, NULL, 2);
	if (pthread_create(&thread, NULL, apart, NULL))
		errx(1, "no thread");
	pthread_barrier_wait(&begun);
}

int main(int argc, char **argv)
{
	char line[16];

	if (argc != 2)
		errx(2, "usage: apart WHAT");
	begin(argv[1]);
	puts("there");
	fflush(stdout);
	for (int n = 1; fgets(line, sizeof(line), stdin); n++) {
		printf("%d\n", n);
		fflush(stdout);
	}
	return 0;
}
