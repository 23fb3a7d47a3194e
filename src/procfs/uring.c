/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/uring.h"

#include <asm/errno.h>

enum uring_section { /* of lines that belong to one above them */
		     URING_NONE,
		     URING_SQES,
		     URING_CQES,
		     URING_BUFFERS,
		     URING_PERSONALITIES,
		     URING_POLLS,
		     URING_OVERFLOW,
};

#define URING_FIELD(name) offsetof(struct uring_info, name) + 1
static const struct {
	const char *key;
	unsigned int base;
	size_t field; /* and 1; 0: none */
	enum uring_section section;
} uring_lines[] = {
	{ "SqMask:", 16, URING_FIELD(sq_mask), URING_NONE },
	{ "SqTail:", 10, URING_FIELD(sq_tail), URING_NONE },
	{ "CachedSqHead:", 10, URING_FIELD(cached_sq_head), URING_NONE },
	{ "CqMask:", 16, URING_FIELD(cq_mask), URING_NONE },
	{ "CachedCqTail:", 10, URING_FIELD(cached_cq_tail), URING_NONE },
	{ "SQEs:", 0, 0, URING_SQES },
	{ "CQEs:", 0, 0, URING_CQES },
	{ "UserFiles:", 10, URING_FIELD(files), URING_NONE },
	{ "UserBufs:", 10, URING_FIELD(buffers), URING_BUFFERS },
	{ "Personalities:", 0, 0, URING_PERSONALITIES },
	{ "PollList:", 0, 0, URING_POLLS },
	{ "CqOverflowList:", 0, 0, URING_OVERFLOW },
};
enum { URING_LINES = sizeof(uring_lines) / sizeof(uring_lines[0]) };
enum { URING_NEEDED = 0x1f }; /* the first five of them */

static bool uring_has(struct scan line, const char *text)
{
	for (; line.at < line.end; line.at++) {
		struct scan rest = line;

		if (scan_text(&rest, text))
			return true;
	}
	return false;
}

/* "    0: 0x7f0000000000/4096"; "    0: <none>" is none. */
static bool uring_buffer(struct scan line, struct uring_buffer *b)
{
	struct scan *s = &line;

	return scan_u32(s, 10, &b->index) && scan_text(s, ": 0x") &&
	       scan_unsigned(s, 16, &b->start) && scan_text(s, "/") &&
	       scan_unsigned(s, 10, &b->len);
}

/*
 * " 3: opcode:..." and the like; a personality goes over several lines, of which the first has a
 * number.
 */
static void uring_item(struct uring_info *u, enum uring_section section, struct scan line)
{
	struct scan number = line;
	uint64_t value;

	if (section == URING_SQES && uring_has(line, "opcode:")) {
		u->sqes++;
		u->wide_sqes |= uring_has(line, ", e0:");
	}
	if (section == URING_CQES)
		u->wide_cqes |= uring_has(line, ", extra1:");
	if (section == URING_PERSONALITIES && scan_unsigned(&number, 10, &value))
		u->personalities++;
	if (section == URING_POLLS && uring_has(line, "op="))
		u->polls++;
	if (section == URING_OVERFLOW && uring_has(line, "user_data="))
		u->overflown++;
}

/* One that begins with a word of its own: which, or URING_LINES. */
static size_t uring_line(struct scan *line)
{
	size_t i = 0;

	while (i < URING_LINES && !scan_text(line, uring_lines[i].key))
		i++;
	return i;
}

static bool uring_is_item(const struct scan *line)
{
	return line->at < line->end &&
	       (*line->at == ' ' || *line->at == '\t' || (*line->at >= '0' && *line->at <= '9'));
}

int uring_parse(struct uring_info *u, const char *text, size_t len, struct err *err)
{
	struct scan all = scan_over(text, len), line;
	enum uring_section section = URING_NONE;
	uint32_t seen = 0;

	*u = (struct uring_info){ .sq_thread = -1 };
	while (scan_line(&all, &line, true)) {
		size_t i;

		if (uring_is_item(&line)) {
			uring_item(u, section, line);
			continue;
		}
		if (scan_text(&line, "SqThread:") && scan_int(&line, &u->sq_thread))
			continue;
		i = uring_line(&line);
		section = i < URING_LINES ? uring_lines[i].section : URING_NONE;
		if (i == URING_LINES || !uring_lines[i].field)
			continue;
		scan_blanks(&line);
		if (uring_lines[i].base == 16)
			scan_text(&line, "0x");
		if (!scan_u32(&line, uring_lines[i].base,
			      (uint32_t *)((char *)u + uring_lines[i].field - 1)))
			return err_say(err, EBADMSG,
				       "the kernel's %s of an io_uring makes no sense",
				       uring_lines[i].key);
		seen |= 1u << i;
	}
	if ((seen & URING_NEEDED) != URING_NEEDED)
		return err_say(err, EBADMSG, "this kernel does not tell where an io_uring stands");
	return 0;
}

bool uring_next_buffer(struct scan *text, struct uring_buffer *buffer)
{
	struct scan line;

	while (scan_line(text, &line, true)) /* no other line looks like that */
		if (uring_is_item(&line) && uring_buffer(line, buffer))
			return true;
	return false;
}
