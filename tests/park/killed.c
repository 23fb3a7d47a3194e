/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tracer is killed at every point between its first hold of the program and its last (a third of the
 * points at a time: an argument 0-2 says which): the program runs on, unharmed, with nobody beside it.
 * Once as the program's parent, once as a stranger (then the snapshot is made by a helper); with the
 * program's main thread in user mode, asleep, in a read, and half-way through a write.
 */
#include "park_test.h"

#include "host/fault.h"

#include <dirent.h>

enum { POINTS_MAX = 1000, STRIDE = 3, KINDS = 4, WRITE = 100000 };

static int kind;

static void *spin(void *arg)
{
	volatile double x = 1.0;

	while (!shared->stop) {
		EXPECT(x * 3.0 == 3.0);
		shared->rounds++;
		sched_yield();
	}
	return arg;
}

static void *feed(void *arg)
{
	while (!shared->stop) {
		EXPECT(write(*(int *)arg, "x", 1) == 1);
		nap_ns(100000);
	}
	EXPECT(write(*(int *)arg, "x", 1) == 1);
	return arg;
}

/* The other side of the writes: slow, and counts what comes. */
static void *drain(void *arg)
{
	unsigned char buf[2048];
	unsigned int at = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++, at = (at + 1) % WRITE)
			EXPECT(buf[i] == at % 251);
		nap_ns(20000);
	}
	return arg;
}

/* A tracer that dies between its stop and its repair leaves a short count; but always a true one. */
static void write_much(int out)
{
	static unsigned char buf[WRITE];
	ssize_t n, done = 0;

	for (unsigned int i = 0; i < WRITE; i++)
		buf[i] = i % 251;
	do {
		n = write(out, buf + done, (size_t)(WRITE - done));
		EXPECT(n > 0);
		done += n;
	} while (n > 0 && done < WRITE);
}

/* What the main thread does; each checks that it is not disturbed. */
static void main_thread(int in, int out)
{
	char b;

	while (!shared->stop) {
		int64_t began = now_ns();

		if (kind == 0) {
			for (volatile int i = 0; i < 10000; i++)
				;
		} else if (kind == 1) {
			struct timespec ts = { 0, 300000 };

			EXPECT(nanosleep(&ts, NULL) == 0);
			EXPECT(now_ns() - began >= 300000);
		} else if (kind == 3) {
			write_much(out);
		} else {
			EXPECT(read(in, &b, 1) == 1 && b == 'x');
		}
		shared->parks++; /* here: the rounds of the main thread */
	}
}

static void program(void)
{
	pthread_t t[2];
	int fds[2];

	alarm(20);
	EXPECT(!pipe(fds));
	EXPECT(!pthread_create(&t[0], NULL, spin, NULL));
	EXPECT(!pthread_create(&t[1], NULL, kind == 3 ? drain : feed, &fds[kind != 3]));
	shared->ready = true;
	main_thread(fds[0], fds[1]);
	if (kind == 3)
		close(fds[1]);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	EXPECT(waitpid(-1, NULL, WNOHANG | __WALL) < 0 && errno == ECHILD);
	_exit(shared->nbad ? 1 : 0);
}

static pid_t start_program(void)
{
	pid_t pid = fork();

	if (pid == 0)
		program();
	while (!shared->ready)
		nap_ns(100000);
	return pid;
}

/* A whole checkpoint's worth of tracing, to die in. Tells the program's pid through @out if it starts it. */
static void tracer(pid_t pid, int point, int out)
{
	struct park_options options = { .with_children = true };
	struct err err = ERR_INIT;
	struct park_memory *memory;
	struct park park;
	char text[32];

	if (!pid)
		pid = start_program();
	if (write(out, &pid, sizeof(pid)) != sizeof(pid))
		_exit(2);
	snprintf(text, sizeof(text), "*:%d", point);
	setenv("CAIRN_FAULT", text, 1);
	fault_reset();
	park_memory_create(&memory, NULL);
	if (park_begin(&park, pid, &options, memory, &err) < 0) {
		bad("park: %s", err.msg);
		_exit(2);
	}
	probe_it(&park, 32);
	park_end(&park);
	_exit(0);
}

static long changes(_Atomic long *counter, long from)
{
	int64_t until = now_ns() + 3000000000;

	while (*counter < from && now_ns() < until)
		nap_ns(100000);
	return *counter >= from;
}

/* No copy and no helper may be left: the program is our only child (we are the subreaper). */
static void expect_alone(pid_t program)
{
	int64_t until = now_ns() + 3000000000;
	char path[64], text[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	do {
		int fd = open(path, O_RDONLY);

		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		while (waitpid(-1, NULL, WNOHANG) > 0) /* what came to us has ended */
			;
		if (atoi(text) == program && !strchr(strchr(text, ' ') + 1, ' '))
			return;
		nap_ns(200000);
	} while (now_ns() < until);
	bad("somebody is left beside %d: %s", program, text);
}

/* True while there are points that far. */
static bool one(int point, bool parent)
{
	int fds[2], status, wstatus;
	pid_t program = 0, agent;

	alarm(PARK_HANGS_S);
	shared->stop = shared->ready = false;
	EXPECT(!pipe(fds));
	if (!parent)
		program = start_program();
	agent = fork();
	if (agent == 0)
		tracer(program, point, fds[1]);
	EXPECT(read(fds[0], &program, sizeof(program)) == sizeof(program));
	close(fds[0]);
	close(fds[1]);
	EXPECT(waitpid(agent, &status, 0) == agent);
	EXPECT(status == 0 || status == SIGKILL);
	if (!changes(&shared->rounds, shared->rounds + 2) ||
	    !changes(&shared->parks, shared->parks + 3))
		bad("the program stands still");
	expect_alone(program);
	shared->stop = true;
	EXPECT(waitpid(program, &wstatus, 0) == program);
	if (wstatus)
		bad("the program ended with status %#x", wstatus);
	if (shared->nbad)
		fprintf(stderr, "kind %d, %s, point %d: %s\n", kind, parent ? "parent" : "stranger",
			point, shared->bad);
	return status == SIGKILL && !shared->nbad;
}

int main(int argc, char **argv)
{
	int points = 0, seed = getpid() % STRIDE;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (argc == 4) { /* one alone: kind, parent, point */
		kind = atoi(argv[1]);
		one(atoi(argv[3]), atoi(argv[2]));
		return shared->nbad ? 1 : 0;
	}
	if (argc == 2)
		seed = atoi(argv[1]);
	for (kind = 0; kind < KINDS; kind++)
		for (int parent = 0; parent < 2; parent++)
			for (int i = 1 + seed; i < POINTS_MAX && one(i, parent); i += STRIDE)
				points++;
	if (!shared->nbad)
		printf("seed %d: %d deaths\n", seed, points);
	return shared->nbad ? 1 : 0;
}
