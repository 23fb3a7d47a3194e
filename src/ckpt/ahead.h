/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is looked at of small processes that sleep, before the program is stopped: their mappings with all
 * settings, and what is asked through the probe. It takes most of the time that a small process takes.
 *
 * The one rule: of that only what a process alone can change, by running, is used; and only if it has not
 * run since (trace/asleep.h). Contents of memory, descriptors, pending signals and all times are those of the
 * park.
 */
#pragma once

#include "base/err.h"
#include "image/model.h"
#include "procfs/maps.h"
#include "trace/asleep.h"
#include "trace/probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct ahead_name { /* of mappings */
	char *name; /* as maps has it */
	uint64_t dev; /* of the file that has it */
	uint64_t ino; /* 0: it is no file's, or was one's that is gone */
	struct timespec changed; /* and when that last was */
};

struct ahead_process {
	pid_t pid;
	MODEL_ARRAY(struct maps_vma) seen; /* from smaps; NULL: used already */
	MODEL_ARRAY(struct ahead_name) names; /* theirs, each once */
	bool at_home; /* in our namespaces */
	bool reported; /* @report holds all that the probe can tell, with no timer among it */
	struct probe_report report; /* its places: all mappings */
};

struct apart_namespaces;

struct ahead {
	const struct apart_namespaces *own; /* ours, looked at before; borrowed */
	struct ahead_process *at; /* by pid, once all have been looked at */
	size_t n, room;
};

/* An asleep_look; @arg is the struct ahead. */
int ahead_look(void *arg, struct park *park, struct err *err);

/*
 * Do all names still stand for the same files? Others may have renamed or removed them, and then mappings are
 * not as they were seen.
 */
bool ahead_names_stand(const struct ahead_process *p);

/* When all have been looked at. */
void ahead_sort(struct ahead *ahead);

/* What still counts of process @p of the park; NULL: nothing. */
struct ahead_process *ahead_find(const struct ahead *ahead, const struct park_process *p);

void ahead_done(struct ahead *ahead);
