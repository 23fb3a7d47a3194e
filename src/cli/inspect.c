/* SPDX-License-Identifier: Apache-2.0 */
/* cairn inspect: what a checkpoint holds. One report as JSON; people see it printed from that. */
#include "base/owned.h"
#include "cli/command.h"
#include "cli/describe.h"
#include "cli/table.h"
#include "cli/target.h"
#include "coord/manifest.h"
#include "host/human.h"
#include "host/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	INSPECT_VMAS = 256,
	INSPECT_THREADS,
	INSPECT_FDS,
	INSPECT_FILES,
	INSPECT_SIGNALS,
	INSPECT_IPC,
	INSPECT_LOG
};

struct inspect {
	struct options_common common;
	const char *given;
	unsigned int parts; /* bit n: option INSPECT_VMAS + n was given */
};

static const struct argp_option inspect_options[] = {
	{ "vmas", INSPECT_VMAS, NULL, 0, "mappings", 0 },
	{ "threads", INSPECT_THREADS, NULL, 0, "threads", 0 },
	{ "fds", INSPECT_FDS, NULL, 0, "descriptors", 0 },
	{ "files", INSPECT_FILES, NULL, 0, "open files, and files behind mappings", 0 },
	{ "signals", INSPECT_SIGNALS, NULL, 0, "signal actions, pending signals, timers", 0 },
	{ "ipc", INSPECT_IPC, NULL, 0, "System V shared memory, semaphores, message queues", 0 },
	{ "log", INSPECT_LOG, NULL, 0, "what was logged while the checkpoint was taken", 0 },
	{ 0 },
};

static error_t inspect_parse(int key, char *arg, struct argp_state *state)
{
	struct inspect *s = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &s->common;
		return 0;
	case ARGP_KEY_ARG:
		if (s->given)
			argp_error(state, "one checkpoint at a time");
		s->given = arg;
		return 0;
	default:
		if (key < INSPECT_VMAS || key > INSPECT_LOG)
			return ARGP_ERR_UNKNOWN;
		s->parts |= 1u << (key - INSPECT_VMAS);
		return 0;
	}
}

static const struct argp inspect_argp = {
	.options = inspect_options,
	.parser = inspect_parse,
	.args_doc = "[DIR | DIR/gen-NNNNNN | FILE.img]",
	.doc = "Show what the newest checkpoint in DIR, the one named, or one image holds.",
	.children = options_with_json,
};

static const struct table_column inspect_vmas[] = {
	{ "start", "START", TABLE_PLAIN }, { "end", "END", TABLE_PLAIN },
	{ "bytes", "SIZE", TABLE_SIZE },   { "kept_bytes", "KEPT", TABLE_SIZE },
	{ "prot", "PROT", TABLE_PLAIN },   { "kind", "KIND", TABLE_PLAIN },
	{ "flags", "FLAGS", TABLE_PLAIN }, { "advice", "ADVICE", TABLE_PLAIN },
	{ "name", "NAME", TABLE_PLAIN },
};
static const struct table_column inspect_threads[] = {
	{ "tid", "TID", TABLE_PLAIN },	       { "name", "NAME", TABLE_PLAIN },
	{ "ip", "IP", TABLE_PLAIN },	       { "sp", "SP", TABLE_PLAIN },
	{ "policy", "POLICY", TABLE_PLAIN },   { "priority", "PRIORITY", TABLE_PLAIN },
	{ "nice", "NICE", TABLE_PLAIN },       { "cpus", "CPUS", TABLE_PLAIN },
	{ "blocked", "BLOCKED", TABLE_PLAIN }, { "flags", "FLAGS", TABLE_PLAIN },
};
static const struct table_column inspect_fds[] = {
	{ "fd", "FD", TABLE_PLAIN },
	{ "file", "FILE", TABLE_PLAIN },
	{ "kind", "KIND", TABLE_PLAIN },
	{ "access", "ACCESS", TABLE_PLAIN },
	{ "cloexec", "CLOEXEC", TABLE_PLAIN },
	{ "stream", "STREAM", TABLE_PLAIN },
	{ "position", "POSITION", TABLE_PLAIN },
	{ "path", "PATH", TABLE_PLAIN },
};
static const struct table_column inspect_files[] = {
	{ "id", "FILE", TABLE_PLAIN },		 { "kind", "KIND", TABLE_PLAIN },
	{ "open_flags", "OPEN", TABLE_PLAIN },	 { "flags", "FLAGS", TABLE_PLAIN },
	{ "position", "POSITION", TABLE_PLAIN }, { "bytes", "SIZE", TABLE_SIZE },
	{ "saved_bytes", "SAVED", TABLE_SIZE },	 { "path", "PATH", TABLE_PLAIN },
};
static const struct table_column inspect_sigactions[] = {
	{ "signal", "SIGNAL", TABLE_PLAIN },
	{ "handler", "HANDLER", TABLE_PLAIN },
	{ "mask", "MASK", TABLE_PLAIN },
	{ "flags", "FLAGS", TABLE_PLAIN },
};
static const struct table_column inspect_pending[] = {
	{ "signal", "PENDING", TABLE_PLAIN },
	{ "tid", "TID", TABLE_PLAIN },
	{ "code", "CODE", TABLE_PLAIN },
};
static const struct table_column inspect_timers[] = {
	{ "id", "TIMER", TABLE_PLAIN },		 { "clock", "CLOCK", TABLE_PLAIN },
	{ "notify", "NOTIFY", TABLE_PLAIN },	 { "signo", "SIGNAL", TABLE_PLAIN },
	{ "left_seconds", "LEFT", TABLE_PLAIN }, { "interval_seconds", "INTERVAL", TABLE_PLAIN },
};

static const struct table_column inspect_sysv[] = {
	{ "type", "SYSTEM V", TABLE_PLAIN },	{ "id", "ID", TABLE_PLAIN },
	{ "key", "KEY", TABLE_PLAIN },		{ "mode", "MODE", TABLE_PLAIN },
	{ "uid", "UID", TABLE_PLAIN },		{ "size", "SIZE", TABLE_PLAIN },
	{ "saved_bytes", "SAVED", TABLE_SIZE },
};

#define INSPECT_COLUMNS(columns) columns, sizeof(columns) / sizeof((columns)[0])

/* The tables: in the report under @key, where option @option asks for them. */
static const struct {
	int option;
	const char *key;
	json_t *(*describe)(const struct model *m);
	const struct table_column *columns;
	size_t ncolumns;
} inspect_tables[] = {
	{ INSPECT_VMAS, "vmas", describe_vmas, INSPECT_COLUMNS(inspect_vmas) },
	{ INSPECT_THREADS, "threads", describe_threads, INSPECT_COLUMNS(inspect_threads) },
	{ INSPECT_FDS, "fds", describe_fds, INSPECT_COLUMNS(inspect_fds) },
	{ INSPECT_FILES, "files", describe_files, INSPECT_COLUMNS(inspect_files) },
	{ INSPECT_SIGNALS, "sigactions", describe_sigactions, INSPECT_COLUMNS(inspect_sigactions) },
	{ INSPECT_SIGNALS, "pending", describe_pending, INSPECT_COLUMNS(inspect_pending) },
	{ INSPECT_SIGNALS, "timers", describe_timers, INSPECT_COLUMNS(inspect_timers) },
	{ INSPECT_IPC, "sysv", describe_sysv, INSPECT_COLUMNS(inspect_sysv) },
};

enum { INSPECT_TABLES = sizeof(inspect_tables) / sizeof(inspect_tables[0]) };

static bool inspect_wants(const struct inspect *s, int option)
{
	return s->parts >> (option - INSPECT_VMAS) & 1;
}

static json_t *inspect_image(const struct inspect *s, int dirfd, const char *file, struct err *err)
{
	struct image_reader *r;
	const struct model *m;
	json_t *j;

	if (image_reader_open(&r, dirfd, file, err) < 0)
		return NULL;
	m = image_reader_model(r);
	j = json_pack("{sososososo}", "file", json_text(file), "header", describe_header(r),
		      "machine", describe_machine(m), "process", describe_process(m), "memory",
		      describe_memory(m));
	json_object_set_new(j, "thread_count", json_integer((json_int_t)m->threads.n));
	json_object_set_new(j, "fd_count", json_integer((json_int_t)m->fds.n));
	for (size_t i = 0; i < INSPECT_TABLES; i++)
		if (inspect_wants(s, inspect_tables[i].option))
			json_object_set_new(j, inspect_tables[i].key,
					    inspect_tables[i].describe(m));
	image_reader_close(r);
	return j;
}

static int inspect_generation(const struct inspect *s, const char *path, json_t *report,
			      json_t *images, struct err *err)
{
	OWNED_FD int dirfd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	json_t *manifest;
	size_t n;

	if (dirfd < 0)
		return err_set(err, errno, "open '%s'", path);
	manifest = manifest_load(path, err);
	if (!manifest)
		return -err->num;
	json_object_set_new(report, "manifest", manifest);
	n = manifest_images(manifest);
	for (size_t i = 0; i < n; i++) {
		json_t *j = inspect_image(s, dirfd, manifest_image(manifest, i), err);

		if (!j)
			return err_add(err, "'%s'", path);
		json_array_append_new(images, j);
	}
	return 0;
}

/* The log beside the manifest, line by line. */
static int inspect_log(const char *path, json_t *report, struct err *err)
{
	json_t *lines = json_array();
	OWNED_PTR char *name = NULL, *line = NULL;
	size_t room = 0;
	FILE *f;

	json_object_set_new(report, "log", lines);
	if (asprintf(&name, "%s/log", path) < 0)
		return err_set(err, ENOMEM, "log of '%s'", path);
	f = fopen(name, "re");
	if (!f)
		return err_set(err, errno, "open '%s'", name);
	while (getline(&line, &room, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		json_array_append_new(lines, json_text(line));
	}
	fclose(f);
	return 0;
}

/*
 * One line for people. What it quotes comes from the image: no control characters to the terminal.
 */
static void inspect_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void inspect_say(const char *fmt, ...)
{
	OWNED_PTR char *line = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	table_clean(line, (size_t)n + 1, line);
	puts(line);
}

static void inspect_print_manifest(const json_t *m, const char *path)
{
	if (!m)
		return;
	inspect_say("%s: checkpoint of %s, taken %s on %s", path, json_get_string(m, "name", "?"),
		    json_get_string(m, "time_text", "?"), json_get_string(m, "host", "?"));
	inspect_say("  processes %lld, threads %lld, %s, pause %s, why: %s",
		    (long long)json_get_int(m, "processes", 0),
		    (long long)json_get_int(m, "threads", 0),
		    human_size((uint64_t)json_get_int(m, "image_bytes", 0)).s,
		    human_time(json_get_ns(m, "pause_seconds")).s,
		    json_get_string(m, "reason", "?"));
}

static struct human_text inspect_size(const json_t *object, const char *key)
{
	return human_size((uint64_t)json_get_int(object, key, 0));
}

static void inspect_print_image(const json_t *j)
{
	const json_t *h = json_object_get(j, "header"), *k = json_object_get(j, "machine");
	const json_t *p = json_object_get(j, "process"), *m = json_object_get(j, "memory");

	inspect_say("%s: process %lld, %s", json_get_string(j, "file", "?"),
		    (long long)json_get_int(p, "pid", 0), json_get_string(p, "exe", "?"));
	inspect_say("  image     version %lld, %s, pages of %s",
		    (long long)json_get_int(h, "version", 0), inspect_size(h, "bytes").s,
		    inspect_size(h, "page_size").s);
	inspect_say("  machine   %s, Linux %s, %s", json_get_string(k, "hostname", "?"),
		    json_get_string(k, "kernel", "?"), json_get_string(k, "cpu", "?"));
	inspect_say("  process   parent %lld, group %lld, session %lld, in %s",
		    (long long)json_get_int(p, "ppid", 0), (long long)json_get_int(p, "pgid", 0),
		    (long long)json_get_int(p, "sid", 0), json_get_string(p, "cwd", "?"));
	inspect_say("  memory    %s in %lld mappings; %s kept, as %s in %lld chunks",
		    inspect_size(m, "mapped_bytes").s, (long long)json_get_int(m, "mappings", 0),
		    inspect_size(m, "kept_bytes").s, inspect_size(m, "stored_bytes").s,
		    (long long)json_get_int(m, "chunks", 0));
	if (json_get_int(m, "common_bytes", 0))
		inspect_say("            %s of it in other images, as processes have it in common",
			    inspect_size(m, "common_bytes").s);
	if (json_get_int(p, "fds_of", 0))
		inspect_say("  threads %lld, descriptors those of process %lld",
			    (long long)json_get_int(j, "thread_count", 0),
			    (long long)json_get_int(p, "fds_of", 0));
	else
		inspect_say("  threads %lld, descriptors %lld",
			    (long long)json_get_int(j, "thread_count", 0),
			    (long long)json_get_int(j, "fd_count", 0));
}

static void inspect_print_tables(const struct inspect *s, const json_t *image)
{
	for (size_t i = 0; i < INSPECT_TABLES; i++) {
		const json_t *rows = json_object_get(image, inspect_tables[i].key);

		if (!inspect_wants(s, inspect_tables[i].option) || !json_array_size(rows))
			continue;
		putchar('\n');
		table_print(rows, inspect_tables[i].columns, inspect_tables[i].ncolumns);
	}
}

static void inspect_print(const struct inspect *s, const json_t *report, const char *path)
{
	const json_t *images = json_object_get(report, "images");
	const json_t *log = json_object_get(report, "log");

	inspect_print_manifest(json_object_get(report, "manifest"), path);
	for (size_t i = 0; i < json_array_size(images); i++) {
		inspect_print_image(json_array_get(images, i));
		inspect_print_tables(s, json_array_get(images, i));
	}
	for (size_t i = 0; i < json_array_size(log); i++)
		inspect_say("%s", json_string_value(json_array_get(log, i)));
}

/* The log alone where nothing else was asked for: then a damaged image is no obstacle. */
static int inspect_collect(const struct inspect *s, const struct target *t, json_t *report,
			   struct err *err)
{
	json_t *images = json_array(), *j;
	int rc = 0;

	json_object_set_new(report, "path", json_text(t->path));
	if (inspect_wants(s, INSPECT_LOG) && t->is_file)
		rc = err_say(err, EINVAL, "'%s' is one image; the log stands beside its manifest",
			     t->path);
	else if (inspect_wants(s, INSPECT_LOG))
		rc = inspect_log(t->path, report, err);
	if (s->parts == 1u << (INSPECT_LOG - INSPECT_VMAS)) {
		json_decref(images);
		return rc;
	}
	json_object_set_new(report, "images", images);
	if (rc < 0 || !t->is_file)
		return rc < 0 ? rc : inspect_generation(s, t->path, report, images, err);
	j = inspect_image(s, AT_FDCWD, t->path, err);
	return j ? json_array_append_new(images, j) : -err->num;
}

int inspect_command(int argc, char **argv, struct err *err)
{
	OWNED_JSON json_t *report = json_document();
	struct inspect s = { 0 };
	struct target target;
	int rc;

	options_parse(&inspect_argp, argc, argv, 0, &s);
	rc = target_find(&target, s.given, &s.common, err);
	if (rc < 0)
		return rc;
	rc = inspect_collect(&s, &target, report, err);
	if (rc >= 0 && s.common.json)
		json_print(report);
	else if (rc >= 0)
		inspect_print(&s, report, target.path);
	target_done(&target);
	return rc < 0 ? rc : COMMAND_OK;
}
