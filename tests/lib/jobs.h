/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that run side by side, each in its box, and what became of them.
 *
 * The one rule: a test is over when its box has ended; what the box has said by then is all there is.
 * SIGINT, SIGTERM and SIGHUP stop the boxes that run and keep others from being started.
 */
#pragma once

#include "lib/account.h"
#include "lib/bytes.h"
#include "lib/catalog.h"

#include <stdbool.h>
#include <stdint.h>

enum { JOBS_MAX = 32 };

struct job {
	const struct test *test;
	const struct account *account;
	char *room;
	pid_t pid; /* its box */
	int pidfd, out;
	struct bytes said;
	int64_t began;
};

struct jobs {
	struct job job[JOBS_MAX]; /* those that run */
	size_t n, max;
	int signals; /* signalfd */
	bool verbose, stopped;
	unsigned int passed, failed, skipped;
	struct bytes failures, skips; /* their names, a line each */
};

/* @max tests at a time; @verbose: show what passing tests print. Signals are ours from here on. */
void jobs_init(struct jobs *j, unsigned int max, bool verbose);
void jobs_done(struct jobs *j);

/* Start @test as soon as there is room for it. */
void jobs_add(struct jobs *j, const struct test *test, const struct account *account);

/* Wait until all have ended. */
void jobs_finish(struct jobs *j);

/* The lists of skipped and failed tests, and the last line. True if all is well. */
bool jobs_report(const struct jobs *j);
