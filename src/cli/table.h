/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON array of objects as a table for people: one row an object, columns as wide as they must
 * be.
 *
 * The one rule: a report is made once, as JSON; what people see is printed from it. Control
 * characters, which a file's name may hold, never reach the terminal.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

enum table_style {
	TABLE_PLAIN, /* as it is; arrays joined by commas */
	TABLE_SIZE, /* a number of bytes, for people */
};

struct table_column {
	const char *key, *title;
	enum table_style style;
};

/* @text without control characters, into @to, which may be @text itself. */
void table_clean(char *to, size_t size, const char *text);

/* Columns in which no row has anything are left out; at most 16. */
void table_print(const json_t *rows, const struct table_column *columns, size_t ncolumns);
