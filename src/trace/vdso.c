/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/vdso.h"

#include "base/owned.h"
#include "host/proc.h"
#include "procfs/maps.h"
#include "trace/regs.h"
#include "trace/remote.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>

enum { VDSO_PAGE = 4096, VDSO_PAGES = 4 };

static bool vdso_begins_at(pid_t tid, uint64_t addr)
{
	char magic[SELFMAG];

	return remote_read(tid, addr, magic, sizeof(magic), NULL) >= 0 &&
	       !memcmp(magic, ELFMAG, sizeof(magic));
}

bool vdso_find(pid_t tid, uint64_t *start, uint64_t *end)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor maps;
	struct maps_vma vma;
	size_t len;

	if (proc_read(tid, "maps", &text, &len, NULL) < 0)
		return false;
	for (maps = maps_over(text, len); maps_next(&maps, &vma);) {
		if (!maps_named(&vma, "[vdso]") || !(vma.prot & PROT_EXEC))
			continue;
		*start = vma.start;
		*end = vma.end;
		/* It begins as a library does: where /proc is another's, so are its maps. */
		return vdso_begins_at(tid, vma.start);
	}
	return false;
}

/* Cheap, and says no of nearly all other code: a vdso is small. */
static bool vdso_may_be_around(pid_t tid, uint64_t pc)
{
	uint64_t page = pc - pc % VDSO_PAGE;

	for (int i = 0; i < VDSO_PAGES; i++, page -= VDSO_PAGE)
		if (vdso_begins_at(tid, page))
			return true;
	return false;
}

bool vdso_is_around(pid_t tid)
{
	struct user_regs_struct regs;
	uint64_t pc, start, end;

	if (regs_get(tid, &regs, NULL) < 0 || regs_call(&regs) >= 0)
		return false;
	pc = regs_pc(&regs);
	return vdso_may_be_around(tid, pc) && vdso_find(tid, &start, &end) && pc >= start &&
	       pc < end;
}
