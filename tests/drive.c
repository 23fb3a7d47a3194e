/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Take one program through checkpoints, kill -9 and restarts, and look whether it noticed.
 *
 * $CAIRN is the cairn to use. Works in the current directory; tests/run gives each test its own.
 * Nothing here has a deadline: what hangs is dumped and killed by tests/run.
 */
#include "lib/box.h"
#include "lib/command.h"
#include "lib/computation.h"

#include <argp.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MARKS_MAX = 64,
	SHOWN_MAX = 2000,
	OPT_ROUNDS = 256,
	OPT_MODE,
	OPT_AT,
	OPT_KILL,
	OPT_RESULT,
	OPT_ADOPT
};

struct drive {
	char *cairn, *here;
	const char *const *command; /* app: with its arguments; live: the program */
	bool live, plain, below; /* below: under Cairn */
	bool kill; /* app: each checkpoint ends the program */
	bool adopt; /* app: started without Cairn, adopted at the first mark */
	int rounds; /* live: 0: as many as the program wants */
	const char *marks[MARKS_MAX]; /* app: when to checkpoint */
	int nmarks;
	const char *result;
};

static char *absolute(const char *here, const char *path)
{
	return path[0] == '/' ? bytes_format("%s", path) : bytes_format("%s/%s", here, path);
}

static void live_plain(const char *const *argv)
{
	struct program p = program_start(argv, NULL, -1);

	program_await(&p, "^ready [0-9]+\n", "plain run");
	program_tell(&p, 'g');
	program_finish(&p, "plain run");
}

static void live_below(const struct drive *d, const char *const *argv)
{
	struct computation c = { .cairn = d->cairn, .log = -1 };
	char what[64];
	int rounds;

	computation_launch(&c, d->here, argv);
	rounds = (int)program_await(&c.run, "^ready ([0-9]+)\n", "under cairn launch");
	if (d->rounds)
		rounds = d->rounds;
	for (int n = 1; n <= rounds; n++) {
		computation_checkpoint(&c, n, NULL);
		computation_revive(&c, NULL);
		program_tell(&c.run, 'p'); /* is it there again? */
		snprintf(what, sizeof(what), "round %d, after restart", n);
		program_await(&c.run, "^ready [0-9]+\n", what);
	}
	program_tell(&c.run, 'g');
	snprintf(what, sizeof(what), "after %d rounds", rounds);
	program_finish(&c.run, what);
	computation_done(&c);
}

static void live(const struct drive *d)
{
	OWNED_TEXT char *program = absolute(d->here, d->command[0]);
	const char *const argv[] = { program, NULL };

	if (d->plain)
		live_plain(argv);
	if (d->below)
		live_below(d, argv);
}

/* A new directory @work with the file stdout in it, which is returned. */
static int make_work(const char *work)
{
	OWNED_TEXT char *path = bytes_format("%s/stdout", work);
	int log;

	if (mkdir(work, 0777))
		err(1, "%s", work);
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (log < 0)
		err(1, "%s", path);
	return log;
}

static struct bytes result_of(const struct drive *d, const char *work)
{
	const char *const argv[] = { "bash", "-c", d->result, NULL };
	struct bytes said = { 0 };

	command_run(argv, work, 0, &said);
	bytes_add(&said, "", 0);
	return said;
}

static struct bytes app_plain(const struct drive *d, const char *work)
{
	int64_t began = command_now();
	int log = make_work(work);
	struct program p = program_start(d->command, work, log);
	struct bytes result;

	program_finish(&p, "plain run");
	close(log);
	fprintf(stderr, "plain run: %.1f s\n", (double)(command_now() - began) / 1e9);
	result = result_of(d, work);
	command_remove(work);
	return result;
}

static bool is_pattern(const char *mark)
{
	return mark[strspn(mark, "0123456789.")];
}

/*
 * A mark is a number of seconds, or a pattern for a line of output. A fast program may have passed a second
 * one before the checkpoint at the first was taken: then its next line will do.
 */
static void await_mark(struct program *p, const char *mark, bool passed, const char *what)
{
	OWNED_TEXT char *before = bytes_format("%s, before %s s", what, mark);

	if (is_pattern(mark))
		program_await(p, passed ? "\n" : mark, what);
	else
		program_await_time(p, strtod(mark, NULL), before);
}

static struct bytes app_below(const struct drive *d, const char *work)
{
	int log = make_work(work);
	struct computation c = { .cairn = d->cairn, .dir = work, .log = log };
	char what[64] = "under cairn launch";
	bool passed = false;

	if (d->adopt)
		c.run = program_start(d->command, work, log);
	else
		computation_launch(&c, d->here, d->command);
	for (int n = 1; n <= d->nmarks; n++) {
		const char *next = n < d->nmarks && is_pattern(d->marks[n]) ? d->marks[n] : NULL;

		await_mark(&c.run, d->marks[n - 1], passed, what);
		if (d->adopt && n == 1)
			computation_adopt(&c, d->here);
		/* Every second time: at the very moment of the checkpoint. */
		computation_checkpoint(&c, n, n % 2 && !d->kill ? NULL : "--kill");
		passed = computation_revive(&c, next);
		snprintf(what, sizeof(what), "round %d, after restart", n);
	}
	snprintf(what, sizeof(what), "after %d rounds", d->nmarks);
	program_finish(&c.run, what);
	computation_done(&c);
	close(log);
	return result_of(d, work);
}

static const char *tail_of(const struct bytes *b)
{
	return b->at + (b->n > SHOWN_MAX ? b->n - SHOWN_MAX : 0);
}

static void app(const struct drive *d)
{
	OWNED_TEXT char *work = bytes_format("%s/work", d->here);
	struct bytes want = app_plain(d, work), got = app_below(d, work);

	command_remove(work);
	if (want.at[strspn(want.at, " \t\r\n")] == '\0' && strlen(want.at) == want.n)
		program_fail("the plain run has no result: %s", d->result);
	if (got.n != want.n || memcmp(got.at, want.at, want.n))
		program_fail("the result differs\n--- plain run\n%s--- checkpointed run\n%s",
			     tail_of(&want), tail_of(&got));
	bytes_done(&want);
	bytes_done(&got);
}

static const struct argp_option live_options[] = {
	{ "rounds", OPT_ROUNDS, "N", 0, "Instead of as many as the program wants", 0 },
	{ "mode", OPT_MODE, "all|plain|cairn", 0, "Only the one run or the other", 0 },
	{ 0 },
};

static error_t parse_live(int key, char *arg, struct argp_state *state)
{
	struct drive *d = state->input;

	switch (key) {
	case OPT_ROUNDS:
		d->rounds = (int)strtol(arg, NULL, 10);
		return 0;
	case OPT_MODE:
		d->plain = strcmp(arg, "cairn") != 0;
		d->below = strcmp(arg, "plain") != 0;
		if (d->plain && d->below && strcmp(arg, "all"))
			argp_error(state, "--mode: all, plain or cairn");
		return 0;
	case ARGP_KEY_ARG:
		if (d->command)
			argp_error(state, "one program only");
		d->command = (const char *const *)&state->argv[state->next - 1];
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which program?");
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_option app_options[] = {
	{ "at", OPT_AT, "MARK", 0,
	  "Checkpoint at a line that matches this extended regular expression, or after so many "
	  "seconds; one for each round (default: 1 and 1)",
	  0 },
	{ "adopt", OPT_ADOPT, NULL, 0,
	  "Start it without Cairn, and make Cairn adopt it at the first mark", 0 },
	{ "kill", OPT_KILL, NULL, 0,
	  "End the program at the very moment of each checkpoint: it writes files in place, which "
	  "a restart cannot undo (default: only of every second one)",
	  0 },
	{ "result", OPT_RESULT, "COMMAND", 0,
	  "Shell command that prints what must be equal; the program's output is in 'stdout' "
	  "(default: tail -n 1 stdout)",
	  0 },
	{ 0 },
};

static error_t parse_app(int key, char *arg, struct argp_state *state)
{
	struct drive *d = state->input;

	switch (key) {
	case OPT_AT:
		if (d->nmarks == MARKS_MAX)
			argp_error(state, "more than %d rounds", MARKS_MAX);
		d->marks[d->nmarks++] = arg;
		return 0;
	case OPT_ADOPT:
		d->adopt = true;
		return 0;
	case OPT_KILL:
		d->kill = true;
		return 0;
	case OPT_RESULT:
		d->result = arg;
		return 0;
	case ARGP_KEY_ARG:
		d->command = (const char *const *)&state->argv[state->next - 1];
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "which command?");
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp live_argp = {
	live_options,
	parse_live,
	"PROGRAM",
	"tests/drive live: take a test program that speaks the protocol of live/live.h through "
	"checkpoint and restart.",
	NULL,
	NULL,
	NULL,
};
static const struct argp app_argp = {
	app_options,
	parse_app,
	"-- COMMAND [ARGUMENT...]",
	"tests/drive app: take any program through checkpoint and restart. Its result must be that "
	"of a plain run.",
	NULL,
	NULL,
	NULL,
};

static void parse(struct drive *d, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	d->live = !strcmp(what, "live");
	if (!d->live && strcmp(what, "app"))
		errx(2, "usage: tests/drive live|app [OPTION...] [--] COMMAND...   (live --help, "
			"app --help)");
	argp_err_exit_status = 2;
	argv[1] = argv[0];
	argp_parse(d->live ? &live_argp : &app_argp, argc - 1, argv + 1,
		   d->live ? 0 : ARGP_IN_ORDER, NULL, d);
	if (!d->nmarks) {
		d->marks[0] = d->marks[1] = "1";
		d->nmarks = 2;
	}
}

int main(int argc, char **argv)
{
	struct drive d = { .plain = true, .below = true, .result = "tail -n 1 stdout" };
	const char *cairn = getenv("CAIRN");

	parse(&d, argc, argv);
	d.here = getcwd(NULL, 0);
	if (!d.here)
		err(1, "current directory");
	d.cairn = absolute(d.here, cairn ? cairn : "build/cairn");
	signal(SIGPIPE, SIG_IGN);
	unsetenv("TMPDIR"); /* else all files of the test would be temporary ones */
	box_become_subreaper();
	if (d.live)
		live(&d);
	else
		app(&d);
	box_kill_all();
	free(d.cairn);
	free(d.here);
	return 0;
}
