/* SPDX-License-Identifier: Apache-2.0 */
#include "procfs/task.h"

bool task_next_child(struct scan *text, int32_t *pid)
{
	return scan_int(text, pid) && *pid > 0;
}

static bool task_address(struct scan *s, uint64_t *value)
{
	return scan_text(s, " 0x") && scan_unsigned(s, 16, value);
}

bool task_parse_syscall(struct task_syscall *call, const char *text, size_t len)
{
	struct scan s = scan_over(text, len);

	*call = (struct task_syscall){ .nr = -1 };
	if (scan_text(&s, "running")) {
		call->running = true;
		return true;
	}
	if (!scan_int(&s, &call->nr))
		return false;
	for (int i = 0; call->nr >= 0 && i < 6; i++)
		if (!task_address(&s, &call->args[i]))
			return false;
	return task_address(&s, &call->sp) && task_address(&s, &call->pc);
}
