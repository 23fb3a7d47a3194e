/* SPDX-License-Identifier: Apache-2.0 */
#include "job/place.h"

#include "base/text.h"
#include "host/options.h"
#include "host/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

extern char **environ;

enum { PLACE_PROGRAM_MAX = 24 }; /* characters of the program's name in a job's */

static unsigned int place_number(const char *variable, unsigned int otherwise)
{
	const char *text = options_env(variable);
	uint64_t n;

	return text && text_number(text, &n) && n < 1000000000 ? (unsigned int)n : otherwise;
}

void place_read(struct place *p)
{
	const char *job = options_env("SLURM_JOB_ID");
	const char *array = options_env("SLURM_ARRAY_JOB_ID");
	const char *task = options_env("SLURM_ARRAY_TASK_ID");

	*p = (struct place){ .ranks = 1 };
	gethostname(p->node, sizeof(p->node) - 1);
	if (options_env("SLURMD_NODENAME"))
		snprintf(p->node, sizeof(p->node), "%s", options_env("SLURMD_NODENAME"));
	if (!job)
		return;
	if (array && task)
		snprintf(p->job, sizeof(p->job), "%.30s_%.30s", array, task);
	else
		snprintf(p->job, sizeof(p->job), "%.60s", job);
	p->restarts = (int)place_number("SLURM_RESTART_COUNT", 0);
	p->step = options_env("SLURM_STEP_ID") || options_env("SLURM_STEPID");
	if (p->step) {
		p->ranks = place_number("SLURM_STEP_NUM_TASKS", 1);
		p->rank = place_number("SLURM_PROCID", 0);
	}
}

unsigned int place_mark(char *const *argv)
{
	XXH64_hash_t hash = 0;

	for (; *argv; argv++)
		hash = XXH3_64bits_withSeed(*argv, strlen(*argv) + 1, hash);
	hash &= 0xffffff;
	return hash ? (unsigned int)hash : 1;
}

void place_name(const struct place *p, char *const *argv, bool marked, char *name, size_t size)
{
	const char *slash = strrchr(argv[0], '/');
	char text[PATH_NAME_MAX + 64], rank[16] = "", mark[16] = "";

	path_make_name(name, size, slash ? slash + 1 : argv[0]);
	if (!*p->job && !marked)
		return;
	if (p->step || marked)
		snprintf(mark, sizeof(mark), "-%06x", place_mark(argv));
	if (p->ranks > 1)
		snprintf(rank, sizeof(rank), ".%u", p->rank);
	snprintf(text, sizeof(text), "%.*s%s%s%s%s", PLACE_PROGRAM_MAX, name, *p->job ? "-" : "",
		 p->job, mark, rank);
	path_make_name(name, size, text);
}

char **place_environment(void)
{
	size_t n = 0;
	char **env;

	for (char **e = environ; *e; e++)
		n++;
	env = calloc(n + 1, sizeof(*env));
	n = 0;
	for (char **e = environ; env && *e; e++)
		if (!strncmp(*e, "SLURM_", 6) || !strncmp(*e, "SLURMD_", 7))
			env[n++] = strdup(*e);
	return env;
}
