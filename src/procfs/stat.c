/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/stat.h"

#include <asm/errno.h>

#define STAT_FIELD(name) (offsetof(struct stat_line, name) + 1)

/* By the number proc(5) gives the field; 0: of no use to us. All are 64 bits wide. */
static const size_t stat_fields[] = {
	[4] = STAT_FIELD(ppid),		[5] = STAT_FIELD(pgrp),
	[6] = STAT_FIELD(session),	[7] = STAT_FIELD(tty_nr),
	[8] = STAT_FIELD(tpgid),	[9] = STAT_FIELD(flags),
	[10] = STAT_FIELD(min_flt),	[12] = STAT_FIELD(maj_flt),
	[14] = STAT_FIELD(utime),	[15] = STAT_FIELD(stime),
	[16] = STAT_FIELD(cutime),	[17] = STAT_FIELD(cstime),
	[18] = STAT_FIELD(priority),	[19] = STAT_FIELD(nice),
	[20] = STAT_FIELD(num_threads), [22] = STAT_FIELD(start_time),
	[23] = STAT_FIELD(vsize),	[24] = STAT_FIELD(rss),
	[26] = STAT_FIELD(start_code),	[27] = STAT_FIELD(end_code),
	[28] = STAT_FIELD(start_stack), [29] = STAT_FIELD(kstk_esp),
	[30] = STAT_FIELD(kstk_eip),	[34] = STAT_FIELD(sig_caught),
	[38] = STAT_FIELD(exit_signal), [39] = STAT_FIELD(processor),
	[40] = STAT_FIELD(rt_priority), [41] = STAT_FIELD(policy),
	[45] = STAT_FIELD(start_data),	[46] = STAT_FIELD(end_data),
	[47] = STAT_FIELD(start_brk),	[48] = STAT_FIELD(arg_start),
	[49] = STAT_FIELD(arg_end),	[50] = STAT_FIELD(env_start),
	[51] = STAT_FIELD(env_end),	[52] = STAT_FIELD(exit_code),
};

/* Signed and unsigned fields alike: a negative one keeps its two's complement. */
static bool stat_number(struct scan *s, uint64_t *value)
{
	int64_t negative;

	scan_blanks(s);
	if (s->at < s->end && *s->at == '-') {
		if (!scan_signed(s, &negative))
			return false;
		*value = (uint64_t)negative;
		return true;
	}
	return scan_unsigned(s, 10, value);
}

/* "pid (comm)": leaves @s behind the parenthesis. */
static bool stat_name(struct scan *s, struct stat_line *stat)
{
	const char *close = s->end;
	size_t n = 0;

	if (!scan_signed(s, &stat->pid) || !scan_text(s, " ("))
		return false;
	while (close > s->at && close[-1] != ')')
		close--;
	if (close == s->at)
		return false;
	for (; s->at < close - 1; s->at++)
		if (n + 1 < sizeof(stat->comm))
			stat->comm[n++] = *s->at;
	s->at = close;
	return true;
}

int stat_parse(struct stat_line *stat, const char *text, size_t len, struct err *err)
{
	const size_t last = sizeof(stat_fields) / sizeof(stat_fields[0]) - 1;
	struct scan s = scan_over(text, len);
	uint64_t value;

	*stat = (struct stat_line){ 0 };
	if (!stat_name(&s, stat) || !scan_text(&s, " ") || s.at == s.end)
		return err_set(err, EBADMSG, "/proc stat: no 'pid (name) state'");
	stat->state = *s.at++;
	for (size_t i = 4; i <= last; i++) {
		if (!stat_number(&s, &value))
			return err_set(err, EBADMSG, "/proc stat: field %zu", i);
		if (stat_fields[i])
			*(uint64_t *)((char *)stat + stat_fields[i] - 1) = value;
	}
	return 0;
}
