/* SPDX-License-Identifier: Apache-2.0 */
#include "job/ledger.h"

#include "base/owned.h"
#include "base/text.h"
#include "host/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char ledger_stopped[] = "stopped", ledger_finished[] = "finished", ledger_killed[] = "killed",
	   ledger_used_up[] = "used up";

static int64_t ledger_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* @text as @name in the directory: whole or not at all. */
static int ledger_put_file(int dirfd, const char *name, const char *text)
{
	char partial[64];
	OWNED_FD int fd = -1;

	snprintf(partial, sizeof(partial), "%s.partial", name);
	fd = openat(dirfd, partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) ||
	    renameat(dirfd, partial, dirfd, name) || fsync(dirfd))
		return errno ? -errno : -EIO;
	return 0;
}

static json_t *ledger_load(int dirfd)
{
	OWNED_FD int fd = openat(dirfd, "job.json", O_RDONLY | O_CLOEXEC);
	json_t *record;

	if (fd < 0)
		return NULL;
	record = json_loadfd(fd, 0, NULL);
	if (json_is_object(record) && json_is_array(json_object_get(record, "legs")))
		return record;
	json_decref(record);
	fprintf(stderr, "cairn: job.json is damaged: it is kept as job.json.damaged, and the "
			"account of wall time begins anew\n");
	renameat(dirfd, "job.json", dirfd, "job.json.damaged");
	return NULL;
}

int ledger_open(struct ledger *l, int dirfd, struct err *err)
{
	*l = (struct ledger){ .dirfd = dirfd, .record = ledger_load(dirfd) };
	if (l->record)
		return 0;
	l->record = json_document();
	if (!l->record || json_object_set_new(l->record, "legs", json_array()))
		return err_set(err, ENOMEM, "job.json");
	return 0;
}

void ledger_done(struct ledger *l)
{
	json_decref(l->record);
	*l = (struct ledger){ .dirfd = -1 };
}

static json_t *ledger_array(const struct ledger *l)
{
	return json_object_get(l->record, "legs");
}

unsigned int ledger_legs(const struct ledger *l)
{
	return (unsigned int)json_array_size(ledger_array(l));
}

static json_t *ledger_argv(char *const *argv)
{
	json_t *list = json_array();

	for (; *argv; argv++)
		json_array_append_new(list, json_text(*argv));
	return list;
}

bool ledger_is_of(const struct ledger *l, char *const *argv)
{
	OWNED_JSON json_t *given = ledger_argv(argv);
	const json_t *command = json_object_get(l->record, "command");

	return !command || json_equal(command, given);
}

char *ledger_command(const struct ledger *l)
{
	const json_t *words = json_object_get(l->record, "command");
	char text[80] = "";
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));

		n += text_format(text + n, sizeof(text) - n, "%s%s", i ? " " : "",
				 word ? word : "?");
	}
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	if (n + 1 == sizeof(text))
		memcpy(text + n - 3, "...", 3);
	return n ? strdup(text) : NULL;
}

/* The last leg, where it never came to write its end: its node, or we, were killed. */
static void ledger_close_lost(struct ledger *l)
{
	json_t *last = json_array_get(ledger_array(l), ledger_legs(l) - 1);

	if (last && !json_object_get(last, "end"))
		json_object_set_new(last, "end", json_string("lost"));
}

static double ledger_sum(const struct ledger *l)
{
	double sum = 0;
	const json_t *leg;
	size_t i;

	json_array_foreach(ledger_array(l), i, leg) sum +=
		json_number_value(json_object_get(leg, "seconds"));
	return sum;
}

void ledger_begin(struct ledger *l, const char *name, char *const *argv, const struct place *place,
		  int64_t start_ns)
{
	ledger_close_lost(l);
	l->used_before = ledger_sum(l);
	l->start_ns = start_ns;
	l->leg = json_object();
	ledger_set_leg(l, "leg", json_integer(ledger_legs(l) + 1));
	ledger_set_leg(l, "node", json_text(place->node));
	if (*place->job)
		ledger_set_leg(l, "job", json_text(place->job));
	ledger_set_leg(l, "started", json_seconds(start_ns));
	json_array_append_new(ledger_array(l), l->leg);
	ledger_set(l, "name", json_text(name));
	ledger_set(l, "state", json_string("running"));
	ledger_set(l, "command", ledger_argv(argv));
	json_object_del(l->record, "exit_status");
}

void ledger_end(struct ledger *l, const char *how, int exit_status)
{
	ledger_set_leg(l, "end", json_string(how));
	ledger_set(l, "state", json_string(how));
	if (exit_status >= 0)
		ledger_set(l, "exit_status", json_integer(exit_status));
	ledger_write(l);
}

void ledger_write(struct ledger *l)
{
	static bool told;
	OWNED_PTR char *text = NULL;
	int64_t now = ledger_now();
	int rc;

	ledger_set_leg(l, "updated", json_seconds(now));
	ledger_set_leg(l, "seconds", json_seconds(now - l->start_ns));
	ledger_set(l, "used_seconds", json_real(ledger_used(l)));
	text = json_to_text(l->record);
	rc = text ? ledger_put_file(l->dirfd, "job.json", text) : -ENOMEM;
	if (rc < 0 && !told)
		fprintf(stderr, "cairn: cannot write job.json: %s\n", strerror(-rc));
	told = rc < 0;
}

void ledger_set(struct ledger *l, const char *key, json_t *value)
{
	json_object_set_new(l->record, key, value);
}

void ledger_set_leg(struct ledger *l, const char *key, json_t *value)
{
	json_object_set_new(l->leg, key, value);
}

void ledger_count(struct ledger *l, const char *key)
{
	ledger_set_leg(l, key, json_integer(json_get_int(l->leg, key, 0) + 1));
}

unsigned int ledger_failures(const struct ledger *l)
{
	unsigned int n = 0;
	const json_t *leg;
	size_t i;

	json_array_foreach(ledger_array(l), i, leg) n +=
		!strcmp(json_get_string(leg, "end", ""), "lost") ||
		!strcmp(json_get_string(leg, "end", ""), ledger_killed);
	return n;
}

double ledger_used(const struct ledger *l)
{
	return l->used_before + (double)(ledger_now() - l->start_ns) / 1e9;
}

int64_t ledger_wanted(const struct ledger *l)
{
	return json_get_int(l->record, "wanted_seconds", 0);
}

int64_t ledger_left(const struct ledger *l)
{
	/* A second that was begun is used. */
	int64_t left = ledger_wanted(l) - (int64_t)ledger_used(l) - 1;

	return left < 0 ? 0 : left;
}

bool ledger_is_finished(int dirfd, int *exit_status)
{
	OWNED_FD int fd = openat(dirfd, "finished", O_RDONLY | O_CLOEXEC);
	OWNED_JSON json_t *marker = NULL;

	if (fd < 0)
		return false;
	marker = json_loadfd(fd, 0, NULL);
	*exit_status = (int)json_get_int(marker, "exit_status", 0) & 255;
	return marker;
}

void ledger_finish(int dirfd, int exit_status)
{
	OWNED_JSON json_t *marker = json_document();
	OWNED_PTR char *text = NULL;
	int rc;

	json_object_set_new(marker, "exit_status", json_integer(exit_status));
	text = json_to_text(marker);
	rc = text ? ledger_put_file(dirfd, "finished", text) : -ENOMEM;
	if (rc < 0)
		fprintf(stderr, "cairn: cannot note that the job has finished: %s\n",
			strerror(-rc));
}

void ledger_forget(struct ledger *l)
{
	unlinkat(l->dirfd, "finished", 0);
	json_array_clear(ledger_array(l));
	json_object_del(l->record, "wanted_seconds");
	json_object_del(l->record, "checkpoint");
}
