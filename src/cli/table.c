/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"
#include "host/human.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TABLE_CELL_MAX = 4400, TABLE_COLUMNS_MAX = 16 }; /* a cell: a path and then some */

void table_clean(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 1 < size; text++)
		to[n++] = (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text;
	to[n] = '\0';
}

static void table_add(char *cell, const char *text)
{
	size_t used = strlen(cell);

	table_clean(cell + used, TABLE_CELL_MAX - used, text);
}

/* The text of one cell, empty where there is none. @cell has TABLE_CELL_MAX bytes. */
static void table_cell(char *cell, const json_t *v, enum table_style style)
{
	cell[0] = '\0';
	if (style == TABLE_SIZE && json_is_integer(v))
		table_add(cell, human_size((uint64_t)json_integer_value(v)).s);
	else if (json_is_integer(v))
		snprintf(cell, TABLE_CELL_MAX, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(cell, TABLE_CELL_MAX, "%.6f", json_real_value(v));
	else if (json_is_boolean(v))
		table_add(cell, json_is_true(v) ? "yes" : "");
	else if (json_is_string(v))
		table_add(cell, json_string_value(v));
	for (size_t i = 0; i < json_array_size(v); i++) {
		const char *s = json_string_value(json_array_get(v, i));

		table_add(cell, i ? "," : "");
		table_add(cell, s ? s : "?");
	}
}

static size_t table_width(const json_t *rows, const struct table_column *column)
{
	static char cell[TABLE_CELL_MAX];
	size_t widest = 0;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		table_cell(cell, json_object_get(json_array_get(rows, i), column->key),
			   column->style);
		if (strlen(cell) > widest)
			widest = strlen(cell);
	}
	return widest && widest < strlen(column->title) ? strlen(column->title) : widest;
}

/* Numbers to the right, words to the left; nothing behind the last column. */
static void table_put(const char *text, size_t width, bool right, bool last)
{
	if (right)
		printf("%*s", (int)width, text);
	else if (last)
		printf("%s", text);
	else
		printf("%-*s", (int)width, text);
	printf("%s", last ? "\n" : "  ");
}

static bool table_is_right(const json_t *rows, const struct table_column *column)
{
	return json_is_number(json_object_get(json_array_get(rows, 0), column->key));
}

void table_print(const json_t *rows, const struct table_column *columns, size_t n)
{
	static char cell[TABLE_CELL_MAX];
	size_t width[TABLE_COLUMNS_MAX], last = 0;

	for (size_t c = 0; c < n; c++) {
		width[c] = table_width(rows, &columns[c]);
		if (width[c])
			last = c;
	}
	for (size_t c = 0; c < n; c++)
		if (width[c])
			table_put(columns[c].title, width[c], table_is_right(rows, &columns[c]),
				  c == last);
	for (size_t i = 0; i < json_array_size(rows); i++)
		for (size_t c = 0; c < n; c++) {
			if (!width[c])
				continue;
			table_cell(cell, json_object_get(json_array_get(rows, i), columns[c].key),
				   columns[c].style);
			table_put(cell, width[c], table_is_right(rows, &columns[c]), c == last);
		}
}
