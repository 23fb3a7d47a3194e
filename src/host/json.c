/* SPDX-License-Identifier: Apache-2.0 */
#include "host/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_document(void)
{
	return json_pack("{si}", "schema", JSON_SCHEMA);
}

json_t *json_text(const char *text)
{
	json_t *string = json_string(text);
	char *plain = string ? NULL : strdup(text);

	if (!plain)
		return string;
	for (char *c = plain; *c; c++)
		*c = *c < 0 ? '?' : *c;
	string = json_string(plain);
	free(plain);
	return string;
}

json_t *json_seconds(int64_t ns)
{
	return json_real((double)(ns / 1000) / 1e6);
}

int64_t json_get_ns(const json_t *object, const char *key)
{
	return (int64_t)(json_number_value(json_object_get(object, key)) * 1e9);
}

int64_t json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *v = json_object_get(object, key);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool json_get_bool(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *json_get_string(const json_t *object, const char *key, const char *otherwise)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : otherwise;
}

static char *json_with_newline(const json_t *document, size_t flags)
{
	char *text = json_dumps(document, flags | JSON_REAL_PRECISION(15));
	size_t len = text ? strlen(text) : 0;
	char *line = text ? realloc(text, len + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	memcpy(line + len, "\n", 2);
	return line;
}

char *json_to_line(const json_t *document)
{
	return json_with_newline(document, JSON_COMPACT);
}

char *json_to_text(const json_t *document)
{
	return json_with_newline(document, JSON_INDENT(2));
}

void json_print(const json_t *document)
{
	char *text = json_to_text(document);

	if (text)
		fputs(text, stdout);
	free(text);
}
