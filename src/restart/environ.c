/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment as a C library sees it: a variable `environ` that points to an array of pointers to
 * strings, all of it on the initial stack until the program calls setenv. The variable belongs to the
 * program itself where the linker has copied it there, else to the library.
 */
#include "restart/environ.h"

#include "base/owned.h"
#include "restart/symbol.h"
#include "trace/remote.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENVIRON_ENTRIES_MAX = 1 << 16,
	ENVIRON_STRING_MAX = 128 << 10, /* what execve takes */
	ENVIRON_PIECE = 256,
};

struct environ {
	const struct model *m;
	uint64_t variable; /* address of `environ`; 0: not found */
	uint64_t array; /* what it points to */
	uint64_t *slots; /* the array's entries, with those that will be added */
	char **strings; /* what they point to; of the new ones: what they shall point to */
	bool *moved; /* to the new mapping: the pointer must be set */
	size_t n, old_n;
};

static void environ_done(struct environ *e)
{
	for (size_t i = 0; e->strings && i < e->n; i++)
		free(e->strings[i]);
	free(e->strings);
	free(e->slots);
	free(e->moved);
}

/* Where the file of path @path begins in memory; 0: it is not mapped. */
static uint64_t environ_file_start(const struct model *m, const char *path)
{
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];
		const struct img_file *f = v->file ? model_file(m, v->file) : NULL;

		if (v->kind == IMG_VMA_FILE && !v->offset && f &&
		    !strcmp(model_string(m, f->path), path))
			return v->start;
	}
	return 0;
}

static bool environ_is_libc(const char *path)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	return !strncmp(base, "libc.", 5) || !strncmp(base, "libc-", 5) ||
	       !strncmp(base, "ld-musl-", 8);
}

static uint64_t environ_variable_in(const struct model *m, const char *path)
{
	uint64_t start = environ_file_start(m, path), offset;

	if (!start || (symbol_find(path, "environ", &offset) < 0 &&
		       symbol_find(path, "__environ", &offset) < 0))
		return 0;
	return start + offset;
}

static uint64_t environ_variable(const struct model *m)
{
	uint64_t at = environ_variable_in(m, model_string(m, m->process.exe));

	for (size_t i = 0; !at && i < m->files.n; i++) {
		const char *path = model_string(m, m->files.at[i].path);

		if (environ_is_libc(path))
			at = environ_variable_in(m, path);
	}
	return at;
}

/* The array that execve made: behind the count of arguments, the arguments and their end. */
static uint64_t environ_initial(const struct model *m)
{
	uint64_t argc = 0;

	if (!m->process.start_stack ||
	    remote_read(m->process.pid, m->process.start_stack, &argc, sizeof(argc), NULL) < 0 ||
	    argc > ENVIRON_STRING_MAX * 64)
		return 0;
	return m->process.start_stack + (argc + 2) * 8;
}

/* A string of the process, malloc'd; NULL: there is none. */
static char *environ_string(pid_t pid, uint64_t at)
{
	char *text = NULL, *grown;
	size_t len = 0;

	while (len < ENVIRON_STRING_MAX) {
		size_t piece =
			ENVIRON_PIECE - (at + len) % ENVIRON_PIECE; /* never over a page's end */

		grown = realloc(text, len + piece + 1);
		if (!grown || remote_read(pid, at + len, grown + len, piece, NULL) < 0) {
			free(grown ? grown : text);
			return NULL;
		}
		text = grown;
		if (memchr(text + len, '\0', piece))
			return text;
		len += piece;
	}
	free(text);
	return NULL;
}

static int environ_add(struct environ *e, uint64_t slot, char *string)
{
	uint64_t *slots = realloc(e->slots, (e->n + 1) * sizeof(*slots));
	char **strings = NULL;
	bool *moved = NULL;

	if (slots) {
		e->slots = slots;
		strings = realloc(e->strings, (e->n + 1) * sizeof(*strings));
	}
	if (strings) {
		e->strings = strings;
		moved = realloc(e->moved, (e->n + 1) * sizeof(*moved));
	}
	if (!moved || !string) {
		free(string);
		return -ENOMEM;
	}
	e->moved = moved;
	e->slots[e->n] = slot;
	e->strings[e->n] = string;
	e->moved[e->n++] = !slot;
	return 0;
}

/* Read the array and its strings. */
static int environ_load(struct environ *e, struct err *err)
{
	pid_t pid = e->m->process.pid;
	uint64_t slot;
	char *string;
	int rc;

	for (uint64_t at = e->array; at; at += 8) {
		rc = remote_read(pid, at, &slot, sizeof(slot), err);
		if (rc < 0)
			return rc;
		if (!slot)
			break;
		string = environ_string(pid, slot);
		if (!string || e->n == ENVIRON_ENTRIES_MAX) {
			free(string);
			return err_say(err, EFAULT, "its environment cannot be read");
		}
		if (environ_add(e, slot, string) < 0)
			return err_set(err, ENOMEM, "its environment");
	}
	e->old_n = e->n;
	return 0;
}

/*
 * `environ` as it is now; where it is not found, or does not look like one (the program has a variable of
 * its own called so), the array that execve made.
 */
static int environ_open(struct environ *e, struct err *err)
{
	pid_t pid = e->m->process.pid;

	e->variable = environ_variable(e->m);
	if (e->variable && remote_read(pid, e->variable, &e->array, 8, NULL) >= 0 &&
	    environ_load(e, NULL) >= 0)
		return 0;
	environ_done(e);
	*e = (struct environ){ .m = e->m, .array = environ_initial(e->m) };
	return environ_load(e, err);
}

static bool environ_same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return !strncmp(a, b, n) && b[n] == '=';
}

/* Over the old value, where that stands on the initial stack and leaves room. */
static bool environ_in_place(struct environ *e, size_t i, const char *set)
{
	const struct img_process *p = &e->m->process;
	size_t room = strlen(e->strings[i]);
	OWNED_PTR char *bytes = calloc(1, room + 1);

	if (!bytes || strlen(set) > room || e->moved[i] || e->slots[i] < p->env_start ||
	    e->slots[i] >= p->env_end)
		return false;
	memcpy(bytes, set, strlen(set));
	return remote_write(p->pid, e->slots[i], bytes, room, NULL) >= 0;
}

static int environ_change(struct environ *e, const char *set, struct err *err)
{
	for (size_t i = 0; i < e->n; i++) {
		if (!environ_same_name(set, e->strings[i]))
			continue;
		if (!strcmp(set, e->strings[i]) || environ_in_place(e, i, set))
			return 0;
		free(e->strings[i]);
		e->strings[i] = strdup(set);
		e->moved[i] = true;
		return e->strings[i] ? 0 : err_set(err, ENOMEM, "environment");
	}
	if (!e->variable) {
		fprintf(stderr,
			"cairn: %.*s is not set in process %d: it was started without, and has no "
			"`environ` that can be found (a static program without symbols?)\n",
			(int)strcspn(set, "="), set, e->m->process.pid);
		return 0;
	}
	return environ_add(e, 0, strdup(set)) < 0 ? err_set(err, ENOMEM, "environment") : 0;
}

/* How many bytes the new mapping must have: the strings, and the array where it has grown. */
static uint64_t environ_size(const struct environ *e)
{
	uint64_t size = e->n > e->old_n ? (e->n + 1) * 8 : 0;

	for (size_t i = 0; i < e->n; i++)
		if (e->moved[i])
			size += strlen(e->strings[i]) + 1;
	return size;
}

/* Strings, then pointers, then the variable: whoever looks sees the old or the new. */
static int environ_move(struct environ *e, uint64_t at, uint64_t size, struct err *err)
{
	OWNED_PTR char *bytes = calloc(1, size);
	bool grown = e->n > e->old_n;
	uint64_t used = grown ? (e->n + 1) * 8 : 0;
	pid_t pid = e->m->process.pid;
	int rc = 0;

	if (!bytes)
		return err_set(err, ENOMEM, "environment");
	for (size_t i = 0; i < e->n; i++) {
		if (!e->moved[i])
			continue;
		e->slots[i] = at + used;
		memcpy(bytes + used, e->strings[i], strlen(e->strings[i]) + 1);
		used += strlen(e->strings[i]) + 1;
	}
	if (grown)
		memcpy(bytes, e->slots, e->n * 8);
	rc = remote_write(pid, at, bytes, size, err);
	for (size_t i = 0; rc >= 0 && !grown && i < e->n; i++)
		if (e->moved[i])
			rc = remote_write(pid, e->array + i * 8, &e->slots[i], 8, err);
	return rc < 0 || !grown ? rc : remote_write(pid, e->variable, &at, 8, err);
}

/* Of one name given several times the last counts. */
static bool environ_is_last(char *const *env, size_t i)
{
	for (size_t k = i + 1; env[k]; k++)
		if (environ_same_name(env[k], env[i]))
			return false;
	return true;
}

int environ_set(const struct model *m, char *const *env, environ_map_fn *map, void *data,
		struct err *err)
{
	struct environ e = { .m = m };
	uint64_t size, at;
	int rc;

	if (!env || !env[0])
		return 0;
	rc = environ_open(&e, err);
	for (size_t i = 0; rc >= 0 && env[i]; i++)
		if (environ_is_last(env, i))
			rc = environ_change(&e, env[i], err);
	size = rc < 0 ? 0 : environ_size(&e);
	if (size) {
		rc = map(data, size, &at, err);
		if (rc >= 0)
			rc = environ_move(&e, at, size, err);
	}
	environ_done(&e);
	return rc < 0 ? err_add(err, "environment of process %d", m->process.pid) : 0;
}
