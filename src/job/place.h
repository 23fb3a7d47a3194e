/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where we run: which job, which task of which array, which rank of which step.
 *
 * The one rule: two computations that may run at once have different default names; the same computation in
 * its next leg has the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct place {
	char job[64]; /* what the batch system calls it (an array's task: "7_3"); "" outside */
	char node[128];
	int restarts; /* how often the batch system says it was started again */
	bool step; /* below srun */
	unsigned int rank, ranks; /* of the step */
};

void place_read(struct place *p);

/*
 * A name for the computation that runs @argv there: the program's, and in a job that job's id; in a step
 * what the command line says (steps are numbered by who comes first, and that changes from leg to leg)
 * and the rank. @marked: what the command line says in any case.
 */
void place_name(const struct place *p, char *const *argv, bool marked, char *name, size_t size);

/* A number that stands for the command line; not 0. */
unsigned int place_mark(char *const *argv);

/* NAME=VALUE of the variables that are new in each leg; malloc'd, and so are its strings. */
char **place_environment(void);
