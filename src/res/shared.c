/* SPDX-License-Identifier: Apache-2.0 */
#include "res/shared.h"

#include "image/model.h"

#include <errno.h>
#include <stdlib.h>

void shared_done(struct shared *s)
{
	free(s->at);
	*s = (struct shared){ .n = 0 };
}

/* How far the parts reach that hold byte @from; @from itself where none does. */
static uint64_t shared_reach(const struct shared *s, uint64_t object, uint64_t from)
{
	uint64_t reach = from;

	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].object == object && s->at[i].start <= from && s->at[i].end > reach)
			reach = s->at[i].end;
	return reach;
}

bool shared_has(const struct shared *s, uint64_t object, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t reach = shared_reach(s, object, start);

		if (reach == start)
			return false;
		start = reach;
	}
	return true;
}

uint64_t shared_gap(const struct shared *s, uint64_t object, uint64_t *start, uint64_t end)
{
	uint64_t reach;

	while (*start < end && (reach = shared_reach(s, object, *start)) != *start)
		*start = reach < end ? reach : end;
	for (size_t i = 0; i < s->n; i++)
		if (s->at[i].object == object && s->at[i].start > *start && s->at[i].start < end)
			end = s->at[i].start;
	return end;
}

int shared_add(struct shared *s, uint64_t object, uint64_t start, uint64_t end, struct err *err)
{
	struct shared_part *part = model_add(s);

	if (!part)
		return err_set(err, ENOMEM, "keep shared memory");
	*part = (struct shared_part){ object, start, end };
	return 0;
}
