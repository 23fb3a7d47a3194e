/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/images.h"
#include "base/owned.h"
#include "cli/ckptdir.h"
#include "coord/generation.h"
#include "coord/manifest.h"
#include "host/json.h"
#include "host/path.h"
#include "restart/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int images_open_all(struct images *im, struct err *err)
{
	size_t n = manifest_images(im->manifest);
	OWNED_FD int dirfd = open(im->path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	if (dirfd < 0)
		return err_set(err, errno, "open '%s'", im->path);
	im->at = calloc(n, sizeof(*im->at));
	if (!im->at)
		return err_set(err, ENOMEM, "open '%s'", im->path);
	for (; im->n < n; im->n++) {
		if (image_reader_open(&im->at[im->n], dirfd, manifest_image(im->manifest, im->n),
				      err) < 0)
			return err_add(err, "'%s'", im->path);
		image_reader_share(im->at[im->n], im->at, im->n);
	}
	return 0;
}

int images_open(struct images *im, const char *path, struct err *err)
{
	*im = (struct images){ .path = strdup(path) };
	im->manifest = im->path ? manifest_load(path, err) : NULL;
	if (!im->path)
		err_set(err, ENOMEM, "open '%s'", path);
	if (!im->manifest || images_open_all(im, err) < 0) {
		images_close(im);
		return -err->num;
	}
	return 0;
}

void images_close(struct images *im)
{
	for (size_t i = 0; i < im->n; i++)
		image_reader_close(im->at[i]);
	free(im->at);
	json_decref(im->manifest);
	free(im->path);
	*im = (struct images){ 0 };
}

int images_verify(struct images *im, struct err *err)
{
	for (size_t i = 0; i < im->n; i++)
		if (image_reader_verify(im->at[i], 0, err) < 0)
			return err_add(err, "'%s'", im->path);
	return 0;
}

/*
 * A file that the program had open in this checkpoint may have been renamed or removed by it since, and
 * need not have been open in the one before. Whatever else is in the way will be there too.
 */
static int images_find_files(struct images *im, struct err *err)
{
	struct restart_options options = { 0 };
	struct err found = ERR_INIT;

	if (restart_check(im->at, im->n, &options, &found) >= 0 ||
	    (found.num != ENOENT && found.num != ESTALE))
		return 0;
	*err = found;
	return err_add(err, "'%s'", im->path);
}

static int images_try(struct images *im, const char *dir, uint32_t number, bool verify,
		      struct err *err)
{
	OWNED_PTR char *path = NULL;

	if (asprintf(&path, "%s/gen-%06u", dir, number) < 0)
		return err_set(err, ENOMEM, "open '%s'", dir);
	if (images_open(im, path, err) < 0)
		return verify ? -err->num : images_failed(path, err);
	if (!verify || (images_verify(im, err) >= 0 && images_find_files(im, err) >= 0))
		return 0;
	images_close(im);
	return -err->num;
}

/* The newest complete generation of @dir below number @below, or 0. */
static uint32_t images_before(const char *dir, uint64_t below)
{
	struct generation_list list;
	struct err ignored;
	uint32_t found = 0;

	if (generation_list_load(&list, dir, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < list.n && list.numbers[i] < below; i++)
		found = list.numbers[i];
	generation_list_done(&list);
	return found;
}

int images_failed(const char *path, struct err *err)
{
	OWNED_PTR char *dir = path_absolute(path);
	char *name = dir ? strrchr(dir, '/') : NULL;
	uint32_t before;

	if (!name || !ckptdir_is_generation(path))
		return -err->num;
	*name = '\0';
	before = images_before(dir, strtoull(name + strlen("/gen-"), NULL, 10));
	if (!before)
		return -err->num;
	return err_say(err, err->num, "%.400s (the one before is %.80s/gen-%06u)", err->msg, dir,
		       before);
}

static int images_choose(struct images *im, const char *dir, const struct generation_list *list,
			 bool step_back, struct err *err)
{
	for (size_t i = list->n; i-- > 0;) {
		if (images_try(im, dir, list->numbers[i], step_back, err) >= 0)
			return 0;
		if (!step_back)
			return -err->num;
		fprintf(stderr, "cairn: %s%s\n", err->msg,
			i ? "; trying the checkpoint before it" : "");
	}
	return err_say(err, ENOENT, "no usable checkpoint in '%s'", dir);
}

int images_open_newest(struct images *im, const char *path, bool step_back, struct err *err)
{
	struct generation_list list;
	int rc;

	if (ckptdir_is_generation(path))
		return images_open(im, path, err);
	if (access(path, F_OK))
		return err_set(err, errno, "checkpoint directory '%s'", path);
	if (generation_list_load(&list, path, err) < 0)
		return -err->num;
	if (list.n)
		rc = images_choose(im, path, &list, step_back, err);
	else
		rc = err_say(err, ENOENT, "no complete checkpoint in '%s'", path);
	generation_list_done(&list);
	return rc;
}
