/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/rawnet.h"

enum {
	RAWNET_WORD = 4, /* bytes: an address is shown as numbers of the machine's byte order */
	RAWNET_BETWEEN = 6, /* words between the peer and the inode */
};

/* @len bytes and a port: "0100007F:0011". */
static bool rawnet_end(struct scan *line, size_t len, uint8_t *bytes, uint16_t *port)
{
	struct scan word;
	uint64_t value;

	if (!scan_word(line, &word) || scan_left(&word) < 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		struct scan two = scan_over(word.at + 2 * i, 2);

		if (!scan_unsigned(&two, 16, &value) || scan_left(&two))
			return false;
		bytes[i / RAWNET_WORD * RAWNET_WORD + (RAWNET_WORD - 1 - i % RAWNET_WORD)] =
			(uint8_t)value;
	}
	word.at += 2 * len;
	if (!scan_text(&word, ":") || !scan_unsigned(&word, 16, &value) || scan_left(&word))
		return false;
	*port = (uint16_t)value;
	return true;
}

/* "sl: local peer st tx:rx tr:when retrnsmt uid timeout inode" */
static bool rawnet_line(struct scan *line, size_t len, struct rawnet *one)
{
	uint8_t local[16];
	struct scan word;
	uint16_t port;

	if (!scan_word(line, &word) || !rawnet_end(line, len, local, &port) ||
	    !rawnet_end(line, len, one->peer, &one->port))
		return false;
	for (int i = 0; i < RAWNET_BETWEEN; i++)
		if (!scan_word(line, &word))
			return false;
	return scan_unsigned(line, 10, &one->inode);
}

bool rawnet_next(struct scan *text, bool six, struct rawnet *one)
{
	struct scan line;

	while (scan_line(text, &line, true))
		if (rawnet_line(&line, six ? 16 : 4, one))
			return true;
	return false;
}
