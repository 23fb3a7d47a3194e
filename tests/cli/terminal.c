/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shell on a terminal of its own, typed into and read from as standard input says, a step a line:
 *
 *	> text		type text and Enter
 *	^ Z		type Control-Z
 *	= text		wait until text has appeared; what stood before it is forgotten
 *	~ COMMAND = text	type COMMAND again and again until text appears
 *	# N text	between the last two "=" text stood N times
 *
 *	terminal SECONDS < steps	exit status 0, or 1 with what the terminal shows
 *
 * The one rule: it waits for what must appear, never for time to pass.
 */
#include "lib/procs.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SHOWN_MAX = 1 << 16 };

struct terminal {
	int fd;
	int step; /* the line it is at */
	pid_t shell;
	time_t until;
	char shown[SHOWN_MAX + 1]; /* not yet matched */
	size_t len;
	char before[SHOWN_MAX + 1]; /* what stood before the last match */
};

static void __attribute__((noreturn))
fail(const struct terminal *t, const char *what, const char *text)
{
	struct procs below = procs_below(t->shell);

	printf("FAILED at line %d: %s '%s'; the terminal shows:\n%s%s\n", t->step, what, text,
	       t->before, t->shown);
	procs_dump(t->shell, stdout);
	for (size_t i = 0; i < below.n; i++)
		procs_dump(below.pid[i], stdout);
	procs_done(&below);
	kill(t->shell, SIGHUP);
	exit(1);
}

static void type(const struct terminal *t, const char *text)
{
	if (write(t->fd, text, strlen(text)) < 0)
		fail(t, "cannot type", text);
}

/* More of what the terminal shows; false when @ms have passed without any. */
static int hear(struct terminal *t, const char *wanted, int ms)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	ssize_t n;

	if (time(NULL) > t->until)
		fail(t, "in time there was no", wanted);
	if (poll(&p, 1, ms) <= 0)
		return 0;
	if (t->len > SHOWN_MAX / 2) {
		memmove(t->shown, t->shown + SHOWN_MAX / 4, t->len - SHOWN_MAX / 4);
		t->len -= SHOWN_MAX / 4;
	}
	n = read(t->fd, t->shown + t->len, SHOWN_MAX - t->len);
	if (n <= 0)
		fail(t, "the terminal closed before", wanted);
	t->len += (size_t)n;
	t->shown[t->len] = '\0';
	return 1;
}

static int match(struct terminal *t, const char *wanted)
{
	char *p = strstr(t->shown, wanted);

	if (!p)
		return 0;
	*p = '\0';
	memcpy(t->before, t->shown, (size_t)(p - t->shown) + 1);
	p += strlen(wanted);
	t->len -= (size_t)(p - t->shown);
	memmove(t->shown, p, t->len + 1);
	return 1;
}

static void expect(struct terminal *t, const char *wanted)
{
	while (!match(t, wanted))
		hear(t, wanted, 1000);
}

/* What a command reports may be a moment behind: ask until it says so. */
static void ask(struct terminal *t, char *step)
{
	char *wanted = strstr(step, " = ");

	if (!wanted)
		fail(t, "no ' = ' in", step);
	*wanted = '\0';
	wanted += 3;
	do {
		type(t, step);
		type(t, "\n");
		while (hear(t, wanted, 200))
			;
	} while (!match(t, wanted));
}

static void count(const struct terminal *t, const char *step)
{
	char *text;
	long want = strtol(step, &text, 10), found = 0;

	text += *text == ' ';
	for (const char *p = t->before; (p = strstr(p, text)); p++)
		found++;
	if (found != want)
		fail(t, "not as often as wanted:", step);
}

static void start(struct terminal *t)
{
	char *const argv[] = { "bash", "--norc", "--noprofile", "--noediting", "-i", NULL };

	t->shell = forkpty(&t->fd, NULL, NULL, NULL);
	if (t->shell == 0) {
		setenv("HISTFILE", "", 1);
		setenv("TERM", "dumb", 1);
		execv("/bin/bash", argv);
		_exit(127);
	}
	/* Echo off; the words are split so that what is typed does not match what is printed. */
	type(t, "stty -echo; PS1=; PS2=; echo rea''dy\n");
	expect(t, "ready");
}

int main(int argc, char **argv)
{
	static struct terminal t;
	char step[2048];

	t.until = time(NULL) + (argc > 1 ? atoi(argv[1]) : 60);
	start(&t);
	while (fgets(step, sizeof(step), stdin)) {
		char *text = step + 2;

		t.step++;
		if (*step == '\n' || *step == '*')
			continue;
		if (*step == '>') {
			type(&t, text);
			continue;
		}
		step[strcspn(step, "\n")] = '\0';
		if (*step == '^')
			type(&t, (char[]){ (char)(*text & 0x1f), '\0' });
		else if (*step == '=')
			expect(&t, text);
		else if (*step == '~')
			ask(&t, text);
		else if (*step == '#')
			count(&t, text);
		else
			fail(&t, "no such step:", step);
	}
	type(&t, "exit\nexit\n");
	kill(t.shell, SIGHUP);
	return waitpid(t.shell, NULL, 0) < 0;
}
