/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/sysvipc.h"

struct scan sysvipc_over(const char *text, size_t len)
{
	struct scan s = scan_over(text, len), names;

	scan_line(&s, &names, true);
	return s;
}

static bool sysvipc_owners(struct scan *s, struct sysvipc_object *o)
{
	return scan_u32(s, 10, &o->uid) && scan_u32(s, 10, &o->gid) && scan_u32(s, 10, &o->cuid) &&
	       scan_u32(s, 10, &o->cgid);
}

static bool sysvipc_times(struct scan *s, struct sysvipc_object *o, unsigned int before)
{
	int64_t time;

	while (before--) {
		if (!scan_signed(s, &time))
			return false;
		o->used = time > o->used ? time : o->used;
	}
	if (!scan_signed(s, &o->ctime))
		return false;
	o->used = o->ctime > o->used ? o->ctime : o->used;
	return true;
}

static bool sysvipc_shm(struct scan *s, struct sysvipc_object *o)
{
	uint64_t rss, swap;

	if (!scan_unsigned(s, 10, &o->size) || !scan_int(s, &o->creator) ||
	    !scan_int(s, &o->last) || !scan_unsigned(s, 10, &o->count) || !sysvipc_owners(s, o) ||
	    !sysvipc_times(s, o, 2))
		return false;
	o->resident =
		scan_unsigned(s, 10, &rss) && scan_unsigned(s, 10, &swap) ? rss + swap : o->size;
	return true;
}

static bool sysvipc_sem(struct scan *s, struct sysvipc_object *o)
{
	return scan_unsigned(s, 10, &o->size) && sysvipc_owners(s, o) && sysvipc_times(s, o, 1);
}

static bool sysvipc_msg(struct scan *s, struct sysvipc_object *o)
{
	return scan_unsigned(s, 10, &o->size) && scan_unsigned(s, 10, &o->count) &&
	       scan_int(s, &o->creator) && scan_int(s, &o->last) && sysvipc_owners(s, o) &&
	       sysvipc_times(s, o, 2);
}

bool sysvipc_next(struct scan *text, enum sysvipc_type type, struct sysvipc_object *o)
{
	static bool (*const rest[])(struct scan * s, struct sysvipc_object * o) = {
		[SYSVIPC_SHM] = sysvipc_shm,
		[SYSVIPC_SEM] = sysvipc_sem,
		[SYSVIPC_MSG] = sysvipc_msg,
	};
	struct scan next = *text, line;

	*o = (struct sysvipc_object){ 0 };
	if (!scan_line(&next, &line, false) || !scan_int(&line, &o->key) ||
	    !scan_int(&line, &o->id) || !scan_u32(&line, 8, &o->mode) || !rest[type](&line, o))
		return false;
	*text = next;
	return true;
}
