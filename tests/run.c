/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run the tests: all of them, or those named.
 *
 *	tests/run build			everything, as root and as a plain user
 *	tests/run build live/brk	one test ("live/", "apps/j*": all that match)
 *	tests/run build -l		only list them
 *
 * As root each test that runs programs is run twice: as root, and as a user made for it and removed
 * afterwards. Without root: as whoever you are. A test exits 0 (passed), 1 (failed) or 77 (skipped; its
 * last line says why). The last line of the output is "N passed, N failed, N skipped".
 */
#include "lib/account.h"
#include "lib/jobs.h"
#include "lib/tmp.h"

#include <argp.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	char *build;
	char **names;
	size_t nnames;
	bool root, user; /* who to run as, where there is a choice */
	unsigned int jobs;
	bool list, verbose;
};

static const struct argp_option options[] = {
	{ "as", 'u', "root|user", 0, "Only as this user", 0 },
	{ "jobs", 'j', "N", 0, "Tests at a time (default 2)", 0 },
	{ "list", 'l', NULL, 0, "List the tests", 0 },
	{ "verbose", 'v', NULL, 0, "Show what passing tests print", 0 },
	{ NULL, 'h', NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static unsigned int parse_jobs(const struct argp_state *state, const char *arg)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*end || n < 1 || n > JOBS_MAX)
		argp_error(state, "--jobs: a number from 1 to %d", JOBS_MAX);
	return (unsigned int)n;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'u':
		o->root = !strcmp(arg, "root");
		o->user = !strcmp(arg, "user");
		if (!o->root && !o->user)
			argp_error(state, "--as: root or user");
		return 0;
	case 'j':
		o->jobs = parse_jobs(state, arg);
		return 0;
	case 'l':
		o->list = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	case 'h':
		argp_state_help(state, state->out_stream, ARGP_HELP_STD_HELP);
		return 0;
	case ARGP_KEY_ARG:
		if (o->build)
			o->names[o->nnames++] = arg;
		else
			o->build = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which build directory?");
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp argp = {
	options,
	parse,
	"BUILD [TEST...]",
	"Run Cairn's tests: all, or those named (live/brk, apps/, 'live/m*').",
	NULL,
	NULL,
	NULL,
};

static bool open_accounts(struct account accounts[2], size_t *n, const struct options *o,
			  const char *build)
{
	bool root = getuid() == 0, well = true;

	if (!root || o->root)
		well = account_open(&accounts[(*n)++], TESTS_TOP, build, false);
	if (well && root && o->user)
		well = account_open(&accounts[(*n)++], TESTS_TOP, build, true);
	return well;
}

/* Everything between making the accounts and taking them away. The exit status. */
static int run_all(struct catalog *c, const struct options *o, const char *build)
{
	struct account accounts[2];
	struct jobs jobs;
	size_t n = 0;
	struct tmp before = tmp_look();
	bool ran;

	jobs_init(&jobs, o->jobs, o->verbose);
	ran = open_accounts(accounts, &n, o, build);
	for (size_t i = 0; ran && i < c->n; i++)
		for (size_t k = 0; k < (c->test[i].kind->both ? n : 1); k++)
			jobs_add(&jobs, &c->test[i], &accounts[k]);
	jobs_finish(&jobs);
	for (size_t i = 0; i < n; i++)
		account_close(&accounts[i]);
	tmp_compare(&before);
	ran = jobs_report(&jobs) && ran;
	jobs_done(&jobs);
	return ran ? 0 : 1;
}

static int list_all(const struct catalog *c)
{
	for (size_t i = 0; i < c->n; i++)
		puts(c->test[i].name);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .root = true, .user = true, .jobs = 2 };
	struct catalog c;
	const char *unknown;
	char *build;
	int rc;

	o.names = calloc((size_t)argc, sizeof(*o.names));
	if (!o.names)
		err(1, "%d arguments", argc);
	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	build = realpath(o.build, NULL);
	if (!build)
		err(1, "%s", o.build);
	c = catalog_find(TESTS_TOP, build);
	unknown = catalog_select(&c, o.names, o.nnames);
	if (unknown)
		errx(1, "no test is called '%s'; -l lists them", unknown);
	rc = o.list ? list_all(&c) : run_all(&c, &o, build);
	catalog_done(&c);
	free(build);
	free(o.names);
	return rc;
}
