/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/scan.h"

#include "base/text.h"

bool scan_line(struct scan *text, struct scan *line, bool partial)
{
	size_t left = scan_left(text);
	const char *p = left ? __builtin_memchr(text->at, '\n', left) : NULL;

	if (!p)
		p = text->end;
	if (p == text->end && (!partial || p == text->at))
		return false;
	*line = (struct scan){ text->at, p };
	text->at = p < text->end ? p + 1 : p;
	return true;
}

bool scan_text(struct scan *s, const char *literal)
{
	const char *p = s->at;

	for (; *literal; p++, literal++)
		if (p == s->end || *p != *literal)
			return false;
	s->at = p;
	return true;
}

void scan_blanks(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

bool scan_word(struct scan *s, struct scan *word)
{
	struct scan t = *s;
	const char *begin;

	scan_blanks(&t);
	begin = t.at;
	while (t.at < t.end && *t.at != ' ' && *t.at != '\t')
		t.at++;
	if (t.at == begin)
		return false;
	*word = (struct scan){ begin, t.at };
	*s = t;
	return true;
}

bool scan_unsigned(struct scan *s, unsigned int base, uint64_t *value)
{
	struct scan t = *s;

	scan_blanks(&t);
	if (!text_scan(&t.at, t.end, base, value))
		return false;
	*s = t;
	return true;
}

bool scan_u32(struct scan *s, unsigned int base, uint32_t *value)
{
	struct scan t = *s;
	uint64_t v;

	if (!scan_unsigned(&t, base, &v) || v > UINT32_MAX)
		return false;
	*value = (uint32_t)v;
	*s = t;
	return true;
}

bool scan_signed(struct scan *s, int64_t *value)
{
	struct scan t = *s;
	uint64_t limit = INT64_MAX, v;
	bool minus;

	scan_blanks(&t);
	minus = scan_text(&t, "-");
	if (!text_scan(&t.at, t.end, 10, &v) || v > limit + minus)
		return false;
	*value = (int64_t)(minus ? 0 - v : v);
	*s = t;
	return true;
}

bool scan_int(struct scan *s, int32_t *value)
{
	struct scan t = *s;
	int64_t v;

	if (!scan_signed(&t, &v) || v < INT32_MIN || v > INT32_MAX)
		return false;
	*value = (int32_t)v;
	*s = t;
	return true;
}
