/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program below Cairn, through its lives.
 *
 * The one rule: as program.h: what must not happen ends the driver.
 */
#pragma once

#include "lib/program.h"

struct computation {
	const char *cairn; /* the cairn to use, absolute */
	char *name, *ckpt_dir;
	const char *dir; /* where the program works; NULL: here */
	int log; /* as in struct program */
	struct program run; /* its present life */
};

/* Launch @argv. What is borrowed must stay until computation_done. Checkpoints go to @where/ckpt. */
void computation_launch(struct computation *c, const char *where, const char *const *argv);
void computation_done(struct computation *c);

/* Make the program that runs as @c->run checkpointable: "cairn adopt". */
void computation_adopt(struct computation *c, const char *where);

/* "cairn checkpoint", with @option where that is not NULL. What it says is said, after "round @n: ". */
void computation_checkpoint(struct computation *c, int n, const char *option);

/* kill -9 to everything (agent, program, all it started), then "cairn restart". */
/* True if the program had said what matches @mark (NULL: no) before it was killed. */
bool computation_revive(struct computation *c, const char *mark);
