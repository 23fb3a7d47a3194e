/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON with jansson: the few helpers that every report and every message uses.
 *
 * The one rule: sizes are bytes, times are seconds as numbers, and every document that leaves
 * the process carries "schema".
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { JSON_SCHEMA = 1 };

static inline void json_owned_done(json_t **j)
{
	json_decref(*j);
}
/* Released when the scope is left. */
#define OWNED_JSON __attribute__((cleanup(json_owned_done)))

/* A new object with "schema" in it; NULL when out of memory. */
json_t *json_document(void);

/* Text from anywhere (paths, names, messages); bytes that are not UTF-8 become '?'. */
json_t *json_text(const char *text);

json_t *json_seconds(int64_t ns);
int64_t json_get_ns(const json_t *object, const char *key); /* seconds -> ns; 0 if absent */
int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise);
bool json_get_bool(const json_t *object, const char *key);
const char *json_get_string(const json_t *object, const char *key, const char *otherwise);

/* One line with its newline, for a socket; malloc'd, NULL when out of memory. */
char *json_to_line(const json_t *document);
/* Indented text with a final newline, for a person or a file; malloc'd. */
char *json_to_text(const json_t *document);
/* json_to_text to standard output. */
void json_print(const json_t *document);
