/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/computation.h"

#include "lib/command.h"

#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LAUNCH_WORDS = 7 };

static void name(struct computation *c, const char *where)
{
	c->name = bytes_format("t%d", getpid());
	c->ckpt_dir = bytes_format("%s/ckpt", where);
}

void computation_launch(struct computation *c, const char *where, const char *const *argv)
{
	size_t n = 0;

	name(c, where);
	while (argv[n])
		n++;
	const char **all = calloc(LAUNCH_WORDS + n + 1, sizeof(*all));
	const char *const words[LAUNCH_WORDS] = { c->cairn, "launch",	 "-n", c->name,
						  "-d",	    c->ckpt_dir, "--" };

	if (!all)
		err(1, "%zu arguments", n);
	for (size_t i = 0; i < LAUNCH_WORDS; i++)
		all[i] = words[i];
	for (size_t i = 0; i < n; i++)
		all[LAUNCH_WORDS + i] = argv[i];
	c->run = program_start(all, c->dir, c->log);
	free(all);
}

/* Run a cairn command that is to succeed; @said, released by the caller, is one line without its end. */
static void command(const char *const *argv, struct bytes *said)
{
	int status = command_run(argv, NULL, 0, said);

	bytes_add(said, "", 0);
	while (said->n && isspace((unsigned char)said->at[said->n - 1]))
		said->at[--said->n] = '\0';
	if (status) {
		OWNED_TEXT char *how = command_describe(status);

		program_fail("cairn %s: %s: %s", argv[1], how, said->at);
	}
}

void computation_adopt(struct computation *c, const char *where)
{
	OWNED_TEXT char *pid = bytes_format("%d", c->run.pid);
	struct bytes said = { 0 };

	name(c, where);
	const char *const argv[] = {
		c->cairn, "adopt", "-n", c->name, "-d", c->ckpt_dir, pid, NULL
	};

	command(argv, &said);
	bytes_done(&said);
}

void computation_done(struct computation *c)
{
	free(c->name);
	free(c->ckpt_dir);
	c->name = c->ckpt_dir = NULL;
}

void computation_checkpoint(struct computation *c, int n, const char *option)
{
	const char *const argv[] = { c->cairn, "checkpoint", "-n", c->name, option, NULL };
	struct bytes said = { 0 };

	command(argv, &said);
	fprintf(stderr, "round %d: %s\n", n, said.at);
	bytes_done(&said);
}

bool computation_revive(struct computation *c, const char *mark)
{
	const char *const argv[] = { c->cairn, "restart", "-n", c->name, c->ckpt_dir, NULL };

	bool passed = program_kill(&c->run, mark);

	c->run = program_start(argv, c->dir, c->log);
	return passed;
}
