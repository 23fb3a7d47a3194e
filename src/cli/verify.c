/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cairn verify: every byte of a checkpoint against its checksums, the images against their
 * manifest.
 */
#include "base/owned.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/target.h"
#include "coord/manifest.h"
#include "host/human.h"
#include "host/json.h"
#include "image/reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct verify {
	struct options_common common;
	const char *given;
	json_t *images; /* what was found, one object a file */
	json_t *files; /* ids of open files that an image holds, and that images need of others */
	json_t *elsewhere;
	uint64_t bytes;
	size_t damaged;
	struct err *err; /* the first damage */
};

static error_t verify_parse(int key, char *arg, struct argp_state *state)
{
	struct verify *v = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &v->common;
		return 0;
	case ARGP_KEY_ARG:
		if (v->given)
			argp_error(state, "one checkpoint at a time");
		v->given = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp verify_argp = {
	.parser = verify_parse,
	.args_doc = "[DIR | DIR/gen-NNNNNN | FILE.img]",
	.doc = "Check every byte of the newest checkpoint in DIR, of the one named, or of one "
	       "image."
	       "\vExit status: 0 all is well; 1 something is damaged or missing, and it is said "
	       "what.",
	.children = options_with_json,
};

static void verify_damage(struct verify *v, const char *file, const struct err *err)
{
	json_array_append_new(v->images, json_pack("{sosbso}", "file", json_text(file), "ok", 0,
						   "error", json_text(err->msg)));
	if (!v->damaged++)
		*v->err = *err;
}

/*
 * The manifest's word about an image: -EBADMSG where the image says otherwise. NULL: there is
 * none.
 */
static int verify_promise(const struct image_reader *r, const json_t *promise, struct err *err)
{
	const struct img_process *p = &image_reader_model(r)->process;
	const char *name = json_get_string(promise, "file", "?");
	uint64_t bytes = (uint64_t)json_get_int(promise, "bytes", -1);

	if (!promise)
		return 0;
	if (bytes != image_reader_size(r))
		return err_say(err, EBADMSG,
			       "image '%s' has %llu bytes, not the %llu of the manifest", name,
			       (unsigned long long)image_reader_size(r), (unsigned long long)bytes);
	if (p->pid != json_get_int(promise, "pid", 0))
		return err_say(err, EBADMSG,
			       "image '%s' holds process %d, not the one of the manifest", name,
			       p->pid);
	return 0;
}

/* Remember which open files stand here, and which must stand in another image. */
static void verify_note_files(struct verify *v, const struct model *m, const char *file)
{
	char id[16];

	for (size_t i = 0; i < m->files.n; i++) {
		snprintf(id, sizeof(id), "%u", m->files.at[i].id);
		json_object_set_new(v->files, id, json_true());
	}
	for (size_t i = 0; i < m->elsewhere.n; i++) {
		snprintf(id, sizeof(id), "%u", m->elsewhere.at[i]);
		json_object_set_new(v->elsewhere, id, json_text(file));
	}
}

static void verify_good(struct verify *v, const char *file, const struct image_reader *r)
{
	const struct model *m = image_reader_model(r);
	uint64_t memory = 0;
	size_t chunks = 0;

	for (size_t i = 0; i < m->chunks.n; i++)
		if (!m->chunks.at[i].source) {
			memory += m->chunks.at[i].raw_len;
			chunks++;
		}
	v->bytes += image_reader_size(r);
	verify_note_files(v, m, file);
	json_array_append_new(v->images, json_pack("{sosbsIsIsIsi}", "file", json_text(file), "ok",
						   1, "bytes", (json_int_t)image_reader_size(r),
						   "memory_bytes", (json_int_t)memory, "chunks",
						   (json_int_t)chunks, "pid", (int)m->process.pid));
}

static void verify_image(struct verify *v, int dirfd, const char *file, const json_t *promise)
{
	struct image_reader *r;
	struct err err = ERR_INIT;
	int rc = image_reader_open(&r, dirfd, file, &err);

	if (rc >= 0)
		rc = verify_promise(r, promise, &err);
	if (rc >= 0)
		rc = image_reader_verify(r, 0, &err);
	if (rc >= 0)
		verify_good(v, file, r);
	else
		verify_damage(v, file, &err);
	image_reader_close(r);
}

/* Images that nobody has listed: copied by hand, or the manifest is of another generation. */
static void verify_strangers(struct verify *v, int dirfd, const json_t *listed)
{
	int fd = openat(dirfd, ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	struct err err;

	if (!dir) {
		owned_fd_done(&fd);
		return;
	}
	while ((d = readdir(dir)))
		if (text_ends(d->d_name, ".img") && !json_object_get(listed, d->d_name)) {
			err_say(&err, EBADMSG, "image '%s' is not in the manifest", d->d_name);
			verify_damage(v, d->d_name, &err);
		}
	closedir(dir);
}

/* Open files that several processes share stand in the image of one of them. */
static void verify_shared(struct verify *v)
{
	const char *id;
	json_t *file;
	struct err err;

	if (v->damaged) /* they may stand in what could not be read */
		return;
	json_object_foreach(v->elsewhere, id, file)
	{
		const char *name = json_string_value(file);

		if (json_object_get(v->files, id))
			continue;
		err_say(&err, EBADMSG, "image '%s' needs open file %s, which no image holds", name,
			id);
		verify_damage(v, name, &err);
	}
}

static void verify_generation(struct verify *v, const char *path)
{
	OWNED_FD int dirfd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	OWNED_JSON json_t *manifest = NULL;
	OWNED_JSON json_t *listed = json_object();
	struct err err = ERR_INIT;
	size_t n;

	if (dirfd < 0)
		err_set(&err, errno, "open '%s'", path);
	else
		manifest = manifest_load(path, &err);
	if (!manifest) {
		verify_damage(v, "manifest.json", &err);
		return;
	}
	n = manifest_images(manifest);
	for (size_t i = 0; i < n; i++) {
		const char *file = manifest_image(manifest, i);

		json_object_set_new(listed, file, json_true());
		verify_image(v, dirfd, file,
			     json_array_get(json_object_get(manifest, "images"), i));
	}
	verify_strangers(v, dirfd, listed);
	verify_shared(v);
}

static void verify_print(const struct verify *v, const char *path, int64_t took_ns)
{
	for (size_t i = 0; i < json_array_size(v->images); i++) {
		const json_t *image = json_array_get(v->images, i);

		if (json_get_bool(image, "ok"))
			printf("%-16s ok       %10s  %lld chunks\n",
			       json_get_string(image, "file", "?"),
			       human_size((uint64_t)json_get_int(image, "bytes", 0)).s,
			       (long long)json_get_int(image, "chunks", 0));
		else
			printf("%-16s DAMAGED  %s\n", json_get_string(image, "file", "?"),
			       json_get_string(image, "error", "?"));
	}
	if (!v->damaged)
		printf("%s: all is well, %s checked in %s\n", path, human_size(v->bytes).s,
		       human_time(took_ns).s);
}

static void verify_report(const struct verify *v, const char *path, int64_t took_ns)
{
	OWNED_JSON json_t *report = json_document();

	if (!v->common.json) {
		verify_print(v, path, took_ns);
		return;
	}
	json_object_set_new(report, "path", json_text(path));
	json_object_set_new(report, "ok", json_boolean(!v->damaged));
	json_object_set_new(report, "bytes", json_integer((json_int_t)v->bytes));
	json_object_set_new(report, "seconds", json_seconds(took_ns));
	json_object_set(report, "images", v->images);
	json_print(report);
}

static int64_t verify_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int verify_command(int argc, char **argv, struct err *err)
{
	OWNED_JSON json_t *images = json_array();
	OWNED_JSON json_t *files = json_object();
	OWNED_JSON json_t *elsewhere = json_object();
	struct verify v = { .images = images, .files = files, .elsewhere = elsewhere, .err = err };
	int64_t began = verify_clock();
	struct target target;

	options_parse(&verify_argp, argc, argv, 0, &v);
	if (target_find(&target, v.given, &v.common, err) < 0)
		return -err->num;
	if (target.is_file)
		verify_image(&v, AT_FDCWD, target.path, NULL);
	else
		verify_generation(&v, target.path);
	verify_report(&v, target.path, verify_clock() - began);
	if (v.damaged && !target.is_file)
		err_add(err, "'%s'", target.path);
	target_done(&target);
	return v.damaged ? -err->num : COMMAND_OK;
}
