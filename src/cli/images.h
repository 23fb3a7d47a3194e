/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The images of one generation, open and checked.
 *
 * The one rule: whoever has a struct images has a manifest and every image it lists, or an error that
 * names the one that is wrong.
 */
#pragma once

#include "base/err.h"
#include "image/reader.h"

#include <jansson.h>

struct images {
	char *path; /* of the generation */
	json_t *manifest;
	struct image_reader **at;
	size_t n;
};

int images_open(struct images *images, const char *path, struct err *err);
void images_close(struct images *images);

/* Every chunk of every image. */
int images_verify(struct images *images, struct err *err);

/*
 * Open what @path names: a generation, or the newest complete one of a checkpoint directory. A damaged newest
 * one is an error that names the one before, unless @step_back: then that is taken, said on standard error,
 * and all that is taken has been verified; so also where the newest one's files are missing or changed.
 */
int images_open_newest(struct images *images, const char *path, bool step_back, struct err *err);

/* A restart of generation @path has failed: add to the message which complete one stands before it. */
int images_failed(const char *path, struct err *err);
