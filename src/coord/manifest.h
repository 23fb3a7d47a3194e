/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manifest.json: what a generation is, for restart, list and people. docs/image-format.md has its
 * fields.
 *
 * The one rule: it is written last, and what it says about the images is what stood on disk then.
 */
#pragma once

#include "base/err.h"
#include "ckpt/checkpoint.h"
#include "coord/agent.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct manifest_source {
	const char *name; /* of the computation */
	const char *reason;
	pid_t root;
	uint32_t number; /* of the generation */
	bool stopped; /* the program ends with this generation */
	int64_t taken_ns; /* CLOCK_REALTIME */
	const struct ckpt_result *result;
	const struct agent_options *options; /* what was said that a restart shall know */
	json_t *uncontrolled; /* a list of processes left out; NULL: none */
};

/* The text for the images that stand in @dirfd; malloc'd. NULL with @err. */
char *manifest_text(const struct manifest_source *source, int dirfd, struct err *err);

/* Read @dir/manifest.json; a new reference, or NULL with @err. */
json_t *manifest_load(const char *dir, struct err *err);

/* What was said about files, processes and connections, for what a restart is told nothing about: into @o. */
int manifest_options(const json_t *manifest, struct agent_options *o, struct err *err);

/* Names of the image files, as the manifest lists them: not paths, checked. @n: how many. */
const char *manifest_image(const json_t *manifest, size_t index);
size_t manifest_images(const json_t *manifest);
