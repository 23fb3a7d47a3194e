/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of an image: which number is which array of the model. Writer and reader both walk this
 * one list.
 *
 * The one rule: a line here never changes once a release has written it; a record that grows keeps
 * its v1 size as least size.
 */
#pragma once

#include "image/model.h"

struct tables_kind {
	uint32_t table; /* enum img_table */
	uint32_t record_size; /* of this build */
	uint32_t least_size; /* of version 1: no file has smaller records */
	bool single; /* exactly one record, a plain member of the model; else an array */
	size_t member; /* where in struct model */
	const char *name; /* for messages */
};

/* What every MODEL_ARRAY looks like. */
struct tables_array {
	void *at;
	size_t n, room;
};

enum { TABLES_MAX = 26 };
extern const struct tables_kind tables_kinds[TABLES_MAX];

/* The kind of table number @table, or NULL. */
const struct tables_kind *tables_find(uint32_t table);

/* Records of one kind in @m: where they lie, and how many. */
const void *tables_records(const struct tables_kind *kind, const struct model *m, size_t *n);
