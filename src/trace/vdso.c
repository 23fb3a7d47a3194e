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

/* Cheap, and says no of nearly all other code: a vdso is small, and begins as a library does. */
static bool vdso_may_be_around(pid_t tid, uint64_t pc)
{
	uint64_t page = pc - pc % VDSO_PAGE;
	char magic[SELFMAG];

	for (int i = 0; i < VDSO_PAGES; i++, page -= VDSO_PAGE) {
		if (remote_read(tid, page, magic, sizeof(magic), NULL) < 0)
			return false;
		if (!memcmp(magic, ELFMAG, sizeof(magic)))
			return true;
	}
	return false;
}

bool vdso_is_around(pid_t tid)
{
	OWNED_PTR char *text = NULL;
	struct user_regs_struct regs;
	struct maps_cursor maps;
	struct maps_vma vma;
	size_t len;
	uint64_t pc;

	if (regs_get(tid, &regs, NULL) < 0 || regs_call(&regs) >= 0)
		return false;
	pc = regs_pc(&regs);
	if (!vdso_may_be_around(tid, pc) || proc_read(tid, "maps", &text, &len, NULL) < 0)
		return false;
	for (maps = maps_over(text, len); maps_next(&maps, &vma);)
		if (maps_named(&vma, "[vdso]") && vma.prot & PROT_EXEC)
			return pc >= vma.start && pc < vma.end;
	return false;
}
