/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run one test so that nothing of it stays behind.
 *
 * The one rule: everything a test starts is a descendant of its box. The box is a subreaper, so what a
 * test orphans comes to it; at the end whatever is still there is named, makes the test fail, and
 * is killed by pid. A test past its deadline has the stacks of all its processes written down first.
 */
#pragma once

#include <sys/types.h>

struct box {
	const char *const *argv; /* the test */
	const char *dir; /* where it works; what is mounted below must be gone at the end */
	const char *user; /* who it runs as; NULL: as we are */
	unsigned int seconds; /* until it counts as hung */
};

/*
 * To be called in a child of its own. The exit status of the test; 1 for something left behind, death by a
 * signal or a hang, which standard output tells. SIGTERM, SIGINT, SIGHUP and the parent's end put an
 * end to it.
 */
int box_run(const struct box *box);

/* From now on orphans below us come to us. */
void box_become_subreaper(void);

/* SIGKILL everything below us, again until nothing is left; 10 s at most. */
void box_kill_all(void);
