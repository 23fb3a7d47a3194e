/* SPDX-License-Identifier: Apache-2.0 */
#include "job/slurm.h"

#include "base/owned.h"
#include "job/walltime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { SLURM_SAID_MAX = 16384, SLURM_PATIENCE_S = 60 };

/* All signals as they are by default: we may have blocked them all. */
static int slurm_spawn(pid_t *pid, int out, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	/* Times as seconds since 1970, whatever the user likes to see. */
	setenv("SLURM_TIME_FORMAT", "%s", 1);
	rc = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
	unsetenv("SLURM_TIME_FORMAT");
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

/* What it says until it closes its output, or -ETIMEDOUT: a controller may be away for long. */
static int slurm_hear(int fd, char *said, size_t size)
{
	time_t end = time(NULL) + SLURM_PATIENCE_S;
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len + 1 < size) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		time_t left = end - time(NULL);

		if (left <= 0 || poll(&p, 1, (int)left * 1000) == 0)
			return -ETIMEDOUT;
		n = read(fd, said + len, size - len - 1);
		if (n > 0)
			len += (size_t)n;
	}
	said[len] = '\0';
	return 0;
}

/* Run scontrol with @args; what it says, also where it fails, goes to @said. */
static int slurm_run(char *said, size_t size, char *const *args, struct err *err)
{
	OWNED_FD int from = -1;
	int line[2], rc, status = 0;
	pid_t pid;

	if (pipe2(line, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	from = line[0];
	rc = slurm_spawn(&pid, line[1], args);
	close(line[1]);
	if (rc < 0)
		return err_set(err, rc, "cannot run scontrol");
	rc = slurm_hear(from, said, size);
	if (rc < 0)
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (rc < 0)
		return err_set(err, rc, "scontrol %s", args[1]);
	if (!status)
		return 0;
	said[strcspn(said, "\n")] = '\0';
	return err_say(err, EIO, "scontrol %s: %s", args[1], said);
}

/* The value behind "KEY=", at the beginning of a word, up to @end's characters. */
static void slurm_field(const char *said, const char *key, const char *end, char *value,
			size_t size)
{
	size_t n = strlen(key);

	*value = '\0';
	for (const char *p = said; (p = strstr(p, key)); p += n) {
		if ((p > said && p[-1] != ' ' && p[-1] != '\n') || p[n] != '=')
			continue;
		snprintf(value, size, "%.*s", (int)strcspn(p + n + 1, end), p + n + 1);
		return;
	}
}

static int64_t slurm_time(const char *said, const char *key)
{
	char text[64];

	slurm_field(said, key, " \n", text, sizeof(text));
	return strtoll(text, NULL, 10); /* "Unknown": 0 */
}

int slurm_ask(struct slurm_job *job, const char *id, struct err *err)
{
	OWNED_PTR char *said = calloc(1, SLURM_SAID_MAX);
	char *const args[] = { "scontrol", "show", "job", (char *)(uintptr_t)id, NULL };
	char text[64];

	*job = (struct slurm_job){ .batch = true, .requeue = true };
	if (!said)
		return err_set(err, ENOMEM, "scontrol");
	if (slurm_run(said, SLURM_SAID_MAX, args, err) < 0)
		return -err->num;
	slurm_field(said, "JobState", " \n", text, sizeof(text));
	job->running = !strcmp(text, "RUNNING");
	slurm_field(said, "Reason", " \n", text, sizeof(text));
	/*
	 * A script that did not wait for us has ended, perhaps badly, or by a signal (a failed launch, in
	 * Slurm's words); that is not what its owner wants.
	 */
	job->running = job->running || !strcmp(text, "TimeLimit") ||
		       !strcmp(text, "NonZeroExitCode") || !strcmp(text, "JobLaunchFailure");
	slurm_field(said, "TimeLimit", " \n", text, sizeof(text));
	if (!walltime_parse(&job->limit_s, text))
		job->limit_s = 0;
	slurm_field(said, "Requeue", " \n", text, sizeof(text));
	job->requeue = strcmp(text, "0");
	slurm_field(said, "BatchFlag", " \n", text, sizeof(text));
	job->batch = strcmp(text, "0");
	job->requeue = job->requeue && job->batch;
	job->start_s = slurm_time(said, "StartTime");
	job->end_s = job->limit_s ? slurm_time(said, "EndTime") : 0;
	slurm_field(said, "Comment", "\n", job->comment, sizeof(job->comment));
	for (size_t n = strlen(job->comment); n && job->comment[n - 1] == ' '; n--)
		job->comment[n - 1] = '\0';
	job->known = true;
	return 0;
}

static int slurm_tell(char *const *args, struct err *err)
{
	char said[1024];

	return slurm_run(said, sizeof(said), args, err);
}

int slurm_requeue(const char *id, struct err *err)
{
	char *const args[] = { "scontrol", "requeue", (char *)(uintptr_t)id, NULL };

	return slurm_tell(args, err);
}

static int slurm_update(const char *id, const char *key, const char *value, struct err *err)
{
	char job[80], set[192];
	char *const args[] = { "scontrol", "update", job, set, NULL };

	snprintf(job, sizeof(job), "JobId=%s", id);
	snprintf(set, sizeof(set), "%s=%s", key, value);
	return slurm_tell(args, err);
}

int slurm_set_comment(const char *id, const char *comment, struct err *err)
{
	return slurm_update(id, "Comment", comment, err);
}

int slurm_set_limit(const char *id, int64_t seconds, struct err *err)
{
	return slurm_update(id, "TimeLimit", walltime_write((seconds + 59) / 60 * 60).s, err);
}
