/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The script of a Slurm job, where we are an ordinary line of it: `cairn run -- PROGRAM` without exec.
 * Slurm's signals go to the process that runs it. A shell dies of them at once, or runs its trap when we have
 * ended; when it has died Slurm kills what it had started (proctrack/cgroup within milliseconds).
 *
 * The one rule: the script gets what Slurm has sent it, only later: when the job has been saved.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct script {
	pid_t pid; /* of the process that runs it: above us, and slurmstepd's own child */
	bool waits; /* for us; else we are in its background, and a trap of it may pass signals on */
	uint64_t signals; /* bit n-1: it is not to get signal n before the job has been saved */
	int saved_status[2]; /* with which a run ends that has saved the job */
};

/* Are we a line of a job's script, and in no other cairn's care? Fills pid and waits. */
bool script_find(struct script *s);

/*
 * Keep @s->signals from it: of those that it gets, each `cairn run` below it gets the first instead; when all
 * of these have ended the script gets it, unless their programs had come to their ends. Done by a process of
 * its own, which traces the script, is nobody's child and ends with the last of them. -EPERM and the like:
 * the kernel does not let us (Yama).
 */
int script_keep(const struct script *s);
