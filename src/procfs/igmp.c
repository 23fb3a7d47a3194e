/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/igmp.h"

enum { IGMP_DIGITS = 8, IGMP6_DIGITS = 32 };

/* A word of @digits hexadecimal digits, two a byte. */
static bool igmp_bytes(struct scan *line, size_t digits, uint8_t *bytes)
{
	struct scan word;
	uint64_t value;

	if (!scan_word(line, &word) || scan_left(&word) != digits)
		return false;
	for (size_t i = 0; i < digits / 2; i++) {
		struct scan two = scan_over(word.at + 2 * i, 2);

		if (!scan_unsigned(&two, 16, &value) || scan_left(&two))
			return false;
		bytes[i] = (uint8_t)value;
	}
	return true;
}

bool igmp_next(struct scan *text, uint32_t *interface, uint8_t group[4])
{
	uint8_t reversed[4];
	struct scan line;

	while (scan_line(text, &line, true)) {
		/* Of a group: a number of this machine's byte order, in hexadecimal. */
		if (scan_text(&line, "\t")) {
			if (!igmp_bytes(&line, IGMP_DIGITS, reversed))
				continue;
			for (int i = 0; i < 4; i++)
				group[i] = reversed[3 - i];
			return true;
		}
		scan_u32(&line, 10, interface);
	}
	return false;
}

bool igmp6_next(struct scan *text, uint32_t *interface, uint8_t group[16])
{
	struct scan line, name;

	while (scan_line(text, &line, true))
		if (scan_u32(&line, 10, interface) && scan_word(&line, &name) &&
		    igmp_bytes(&line, IGMP6_DIGITS, group))
			return true;
	return false;
}
