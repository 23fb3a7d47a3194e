/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops whose speed must not change under Cairn. Prints nanoseconds for one round.
 *	loop malloc|pipe|mutex|fork|getpid
 *	loop start COMMAND...	start and end of a command
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char **command;

static void run_malloc(long n)
{
	static void *slot[256];

	for (long i = 0; i < n; i++) {
		free(slot[i % 256]);
		slot[i % 256] = malloc((size_t)(i * 37 % 2000 + 1));
	}
}

static void run_pipe(long n)
{
	char c = 'c';
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		exit(1);
	for (long i = 0; i < n; i++)
		if (write(p[1], &c, 1) != 1 || read(p[0], &c, 1) != 1)
			exit(1);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *lock_often(void *arg)
{
	static long shared;

	for (long i = 0; i < (long)(intptr_t)arg; i++) {
		pthread_mutex_lock(&mutex);
		shared++;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void run_mutex(long n)
{
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, lock_often, (void *)(intptr_t)(n / 2));
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

static void run_getpid(long n)
{
	for (long i = 0; i < n; i++)
		syscall(SYS_getpid);
}

static void run_command(long n)
{
	for (long i = 0; i < n; i++) {
		int status;
		pid_t pid = fork();

		if (!pid) {
			execvp(command[0], command);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			exit(1);
	}
}

static const struct {
	const char *name;
	void (*run)(long n);
	long rounds;
} loops[] = {
	{ "malloc", run_malloc, 20000000 }, { "pipe", run_pipe, 300000 },
	{ "mutex", run_mutex, 10000000 },   { "getpid", run_getpid, 3000000 },
	{ "fork", run_command, 500 },	    { "start", run_command, 40 },
};

int main(int argc, char **argv)
{
	static char name[] = "/bin/true", *just_true[] = { name, NULL };
	struct timespec a, b;

	command = argc > 2 ? argv + 2 : just_true;
	for (size_t i = 0; argc > 1 && i < sizeof(loops) / sizeof(loops[0]); i++) {
		if (strcmp(argv[1], loops[i].name))
			continue;
		clock_gettime(CLOCK_MONOTONIC, &a);
		loops[i].run(loops[i].rounds);
		clock_gettime(CLOCK_MONOTONIC, &b);
		printf("%.1f\n",
		       ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) /
			       (double)loops[i].rounds);
		return 0;
	}
	return 2;
}
