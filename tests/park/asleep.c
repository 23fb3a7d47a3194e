/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes looked at while they sleep: whoever is said to have slept since then has carried out nothing,
 * and whoever wakes does so as if nobody had looked. Some wait for ever, some are woken by others, some by
 * the time; their waits must neither fail nor last longer.
 */
#include "park_test.h"

#include "trace/asleep.h"

#include <poll.h>
#include <sys/epoll.h>

enum {
	SLEEPERS = 8,
	ROUNDS = 400,
	NAP_NS = 3000000,
	LATE_NS = 400000000, /* on a busy machine */
	GAP_NS = 2000000,
};

struct sleepers {
	_Atomic long count[SLEEPERS]; /* what each has done */
	_Atomic pid_t pid[SLEEPERS];
	long seen[SLEEPERS]; /* by the look; -1: not looked at */
	long looks, slept, woke;
};

static struct sleepers *sleepers;

static void nap_in_epoll(int epoll)
{
	struct epoll_event ev;
	int64_t began = now_ns();

	EXPECT(epoll_wait(epoll, &ev, 1, NAP_NS / 1000000) == 0);
	EXPECT(now_ns() - began >= NAP_NS && now_ns() - began < NAP_NS + LATE_NS);
}

static void nap_in_nanosleep(void)
{
	struct timespec ts = { 0, NAP_NS };
	int64_t began = now_ns();

	EXPECT(nanosleep(&ts, NULL) == 0);
	EXPECT(now_ns() - began >= NAP_NS && now_ns() - began < NAP_NS + LATE_NS);
}

static void *count_on(void *arg)
{
	_Atomic long *count = arg;

	while (!shared->stop) {
		nap_in_nanosleep();
		++*count;
	}
	return NULL;
}

/* Number @i: the first two wait for ever, the next two for each other, all others for the time. */
static void sleep_as(int i, const int in[2], const int out[2])
{
	int epoll = epoll_create1(0);
	pthread_t thread;
	char b;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sleepers->pid[i] = getpid();
	if (i >= 6) /* with a thread: never said to sleep */
		EXPECT(!pthread_create(&thread, NULL, count_on, &sleepers->count[i]));
	while (!shared->stop && !shared->nbad) {
		if (i < 2)
			pause();
		else if (i < 4)
			EXPECT(read(in[0], &b, 1) == 1);
		else if (i % 2)
			nap_in_epoll(epoll);
		else
			nap_in_nanosleep();
		sleepers->count[i]++;
		if (i == 3)
			nap_ns(random() % NAP_NS);
		if (i == 2 || i == 3)
			EXPECT(write(out[1], "x", 1) == 1);
		if (i == 3) /* is ignored, and comes all the same where it is traced */
			kill(sleepers->pid[5], SIGURG);
	}
	if (i >= 6)
		pthread_join(thread, NULL);
	_exit(0);
}

static void behave(struct shared *s)
{
	int there[2], back[2];
	pid_t child[SLEEPERS];

	EXPECT(!pipe(there) && !pipe(back));
	for (int i = 0; i < SLEEPERS; i++) {
		child[i] = fork();
		if (!child[i])
			sleep_as(i, i == 2 ? there : back, i == 2 ? back : there);
	}
	EXPECT(write(there[1], "x", 1) == 1);
	while (!s->stop) {
		nap_ns(GAP_NS);
		s->rounds++;
	}
	EXPECT(write(there[1], "x", 1) == 1 && write(back[1], "x", 1) == 1);
	for (int i = 0; i < 2; i++)
		kill(child[i], SIGKILL);
	for (int i = 0; i < SLEEPERS; i++)
		EXPECT(waitpid(child[i], NULL, 0) == child[i]);
}

static int number_of(pid_t pid)
{
	for (int i = 0; i < SLEEPERS; i++)
		if (sleepers->pid[i] == pid)
			return i;
	return -1;
}

static int look(void *arg, struct park *park, struct err *err)
{
	int i = number_of(park->processes[0].pid);

	(void)arg;
	(void)err;
	if (i < 0)
		return 0; /* the parent of all */
	if (random() % 4 == 0)
		probe_it(park, 1);
	sleepers->seen[i] = sleepers->count[i];
	sleepers->looks++;
	return random() % 8;
}

static void check(const struct park *park)
{
	for (size_t i = 0; i < park->nprocesses; i++) {
		int k = number_of(park->processes[i].pid);

		if (k < 0 || sleepers->seen[k] < 0)
			continue;
		if (park->processes[i].asleep)
			EXPECT(sleepers->count[k] == sleepers->seen[k]);
		sleepers->slept += park->processes[i].asleep;
		sleepers->woke += sleepers->count[k] != sleepers->seen[k];
	}
}

static void look_and_park(pid_t child, struct park_memory *memory, int round)
{
	struct asleep_options ahead = {
		.root = child, .pages = 100000, .allowed_ns = 1000000000, .look = look
	};
	struct park_options options = { .with_children = true };
	struct err err = ERR_INIT;
	struct asleep *asleep;
	struct park park;

	memset(sleepers->seen, -1, sizeof(sleepers->seen));
	if (asleep_begin(&asleep, &ahead, memory, &err) < 0)
		bad("look %d: %s", round, err.msg);
	nap_ns(random() % GAP_NS);
	options.asleep = asleep;
	if (round % 4) { /* else it is given up */
		if (park_begin(&park, child, &options, memory, &err) < 0)
			bad("park %d: %s", round, err.msg);
		else
			check(&park);
		park_end(&park);
		shared->parks++;
	}
	asleep_end(asleep);
}

int main(void)
{
	struct park_memory *memory;
	pid_t child;

	alarm(PARK_HANGS_S);
	sleepers = mmap(NULL, sizeof(*sleepers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	park_memory_create(&memory, NULL);
	child = park_child(behave);
	while (!shared->rounds && !shared->nbad)
		nap_ns(1000000);
	for (int i = 0; i < ROUNDS && !shared->nbad; i++) {
		alarm(PARK_HANGS_S);
		nap_ns(random() % GAP_NS);
		look_and_park(child, memory, i);
	}
	shared->stop = true;
	while (!park_tend(memory))
		nap_ns(1000000);
	park_memory_destroy(memory);
	if (!sleepers->slept || !sleepers->woke)
		bad("of %ld looked at %ld slept on and %ld woke", sleepers->looks, sleepers->slept,
		    sleepers->woke);
	return park_verdict(child, &(struct plan){ 0 });
}
