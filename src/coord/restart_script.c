/* SPDX-License-Identifier: Apache-2.0 */
#include "coord/restart_script.h"
#include "base/owned.h"
#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* As one word of a shell. */
static void restart_script_quote(FILE *f, const char *text)
{
	putc('\'', f);
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", f);
		else
			putc(*text, f);
	putc('\'', f);
}

static void restart_script_print(FILE *f, const struct agent *a, int64_t taken_ns)
{
	time_t seconds = (time_t)(taken_ns / 1000000000);
	char when[64] = "", exe[2048] = "cairn";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct tm tm;

	if (n > 0)
		exe[n] = '\0';
	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%F %T", &tm);
	fprintf(f,
		"#!/bin/sh\n# Written by cairn: restart %s from its newest checkpoint, made "
		"%s.\nexec ",
		a->rundir.name, when);
	if (a->options.restart_command) {
		fputs(a->options.restart_command, f);
	} else {
		restart_script_quote(f, exe);
		fputs(" restart", f);
	}
	fputs(" \"$@\" -- ", f);
	restart_script_quote(f, a->ckpt_dir);
	putc('\n', f);
}

static int restart_script_try(const struct agent *a, const char *partial, int64_t taken_ns)
{
	FILE *f = fopen(partial, "we");
	int failed;

	if (!f)
		return -errno;
	restart_script_print(f, a, taken_ns);
	failed = fchmod(fileno(f), 0755) || fflush(f) ? errno : 0;
	if (fclose(f) && !failed)
		failed = errno;
	if (!failed && rename(partial, a->options.restart_script))
		failed = errno;
	return -failed;
}

/* The same mark as that of `cairn run`. */
static void restart_script_mark(const struct agent *a, bool finished)
{
	OWNED_PTR char *path = NULL;
	FILE *f;

	if (asprintf(&path, "%s/finished", a->ckpt_dir) < 0)
		return;
	if (!finished) {
		unlink(path);
		return;
	}
	f = fopen(path, "we");
	if (!f)
		return; /* no checkpoint was ever made */
	fprintf(f, "{\n  \"schema\": 1,\n  \"exit_status\": %d\n}\n", WEXITSTATUS(a->root_status));
	fclose(f);
}

void restart_script_finish(const struct agent *a)
{
	if (a->options.restart_script && a->root_ended && WIFEXITED(a->root_status) &&
	    WIFEXITED(a->last_status) && !a->told_to_end && !a->killed)
		restart_script_mark(a, true);
}

void restart_script_write(const struct agent *a, int64_t taken_ns)
{
	OWNED_PTR char *partial = NULL;
	int rc;

	if (!a->options.restart_script)
		return;
	if (asprintf(&partial, "%s.%d.partial", a->options.restart_script, getpid()) < 0)
		return;
	restart_script_mark(a, false);
	rc = restart_script_try(a, partial, taken_ns);
	if (rc < 0) {
		unlink(partial);
		log_error("restart_script", "'%s': %s", a->options.restart_script, strerror(-rc));
	}
}
