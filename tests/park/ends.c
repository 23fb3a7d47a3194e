/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that ends, or is killed, at any moment around a park: its parent, which is the tracer too, hears
 * of it as always.
 */
#include "park_test.h"

enum { ROUNDS = 150 };

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static pid_t start(int round, int how)
{
	struct timespec ts = { 0, 1 + random() % 400000 };
	pid_t child = fork();
	pthread_t t;

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_create(&t, NULL, idle, NULL);
	nanosleep(&ts, NULL);
	if (how == 0)
		_exit(round % 100);
	if (how == 1)
		raise(SIGTERM);
	execl("/bin/sh", "sh", "-c", "exit 7", NULL);
	return -1;
}

static int collect_status(struct park *park, bool begun, pid_t child)
{
	int status = -1;

	if (begun)
		park_end(park);
	EXPECT(waitpid(child, &status, 0) == child);
	EXPECT(waitpid(child, NULL, WNOHANG) < 0 && errno == ECHILD);
	return status;
}

static void one(int round)
{
	struct park_options options = { .with_children = true, .deadline_ns = 3000000000 };
	struct err err = ERR_INIT;
	struct park park;
	int how = round % 4, status, rc;
	pid_t child = start(round, how);

	nap_ns(random() % 600000);
	rc = park_begin(&park, child, &options, NULL, &err);
	if (rc < 0 && rc != -ESRCH)
		bad("round %d: %s", round, err.msg);
	if (how == 3) /* from elsewhere, while it stands */
		kill(child, SIGKILL);
	status = collect_status(&park, rc >= 0, child);
	if (how == 0)
		EXPECT(status == round % 100 << 8);
	else if (how == 1)
		EXPECT(status == SIGTERM);
	else if (how == 2)
		EXPECT(status == 7 << 8);
	else
		EXPECT(status == SIGKILL || status == 7 << 8);
}

int main(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (int i = 0; i < ROUNDS && !shared->nbad; i++) {
		alarm(PARK_HANGS_S);
		one(i);
	}
	if (shared->nbad)
		fprintf(stderr, "%s\n", shared->bad);
	return shared->nbad ? 1 : 0;
}
