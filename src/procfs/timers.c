/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/timers.h"

/* "signal/pid.2634", "none/tid.7" */
static bool timers_notify(struct scan *s, struct timers_timer *t)
{
	static const char *const how[] = { "signal/", "none/", "thread/" };

	for (t->notify = TIMERS_SIGNAL; t->notify <= TIMERS_THREAD; t->notify++)
		if (scan_text(s, how[t->notify]))
			break;
	if (t->notify > TIMERS_THREAD)
		return false;
	t->thread = scan_text(s, "tid.");
	return (t->thread || scan_text(s, "pid.")) && scan_int(s, &t->target);
}

static bool timers_line(struct scan *text, struct scan *line, const char *key)
{
	return scan_line(text, line, true) && scan_text(line, key);
}

bool timers_next(struct timers_cursor *c, struct timers_timer *t)
{
	struct scan text = c->text, line;

	*t = (struct timers_timer){ 0 };
	if (c->bad || text.at == text.end)
		return false;
	c->bad = !timers_line(&text, &line, "ID: ") || !scan_int(&line, &t->id) ||
		 !timers_line(&text, &line, "signal: ") || !scan_int(&line, &t->signo) ||
		 !scan_text(&line, "/") || !scan_unsigned(&line, 16, &t->value) ||
		 !timers_line(&text, &line, "notify: ") || !timers_notify(&line, t) ||
		 !timers_line(&text, &line, "ClockID: ") || !scan_int(&line, &t->clock);
	if (!c->bad)
		c->text = text;
	return !c->bad;
}
