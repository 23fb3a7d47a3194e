/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/home.h"

#include "base/owned.h"
#include "host/proc.h"
#include "procfs/maps.h"
#include "trace/frame.h"
#include "trace/memory.h"
#include "trace/regs.h"
#include "trace/remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	HOME_CODE_MAX = 4 << 20, /* of one mapping; a libc has 1.5 MB of it */
	HOME_FRAME_UP = 4096, /* where it stands above the bottom of the stack */
	HOME_STACK_ROOM = 65536, /* the frame only goes where the stack is far away */
};

/* What one look over the maps brings. */
struct survey {
	pid_t tid;
	uint64_t insn, call, sigreturn;
	uint64_t stack_start, stack_end;
};

static struct memory_code *remembered(struct park_memory *memory, const struct maps_vma *vma)
{
	uint64_t dev = (uint64_t)vma->dev_major << 32 | vma->dev_minor;

	for (size_t i = 0; memory && i < MEMORY_CODES; i++) {
		struct memory_code *c = &memory->codes[i];

		if (c->ino && c->dev == dev && c->ino == vma->ino && c->offset == vma->offset &&
		    c->size == vma->end - vma->start)
			return c;
	}
	return NULL;
}

/* Offsets into the mapping; -1 where the code has no such thing. */
static void search(struct survey *s, const struct maps_vma *vma, struct memory_code *found)
{
	size_t size = vma->end - vma->start;
	OWNED_PTR uint8_t *code = NULL;
	const uint8_t *insn, *call, *sigreturn;

	*found = (struct memory_code){ .dev = (uint64_t)vma->dev_major << 32 | vma->dev_minor,
				       .ino = vma->ino,
				       .offset = vma->offset,
				       .size = size,
				       .insn = -1,
				       .call = -1,
				       .sigreturn = -1 };
	if (size > HOME_CODE_MAX)
		size = HOME_CODE_MAX;
	code = malloc(size);
	if (!code || remote_read(s->tid, vma->start, code, size, NULL) < 0)
		return;
	insn = memmem(code, size, regs_insn, REGS_INSN_LEN);
	call = frame_find_call(code, size);
	sigreturn = frame_find_sigreturn(code, size);
	found->insn = insn ? insn - code : -1;
	found->call = call ? call - code : -1;
	found->sigreturn = sigreturn ? sigreturn - code : -1;
}

static void survey_code(struct survey *s, const struct maps_vma *vma, struct park_memory *memory)
{
	struct memory_code *known = remembered(memory, vma), found;

	if (!known) {
		search(s, vma, &found);
		known = &found;
		if (memory && vma->ino)
			memory->codes[memory->next_code++ % MEMORY_CODES] = found;
	}
	if (!s->insn && known->insn >= 0)
		s->insn = vma->start + (uint64_t)known->insn;
	if (!s->call && known->call >= 0)
		s->call = vma->start + (uint64_t)known->call;
	if (!s->sigreturn && known->sigreturn >= 0)
		s->sigreturn = vma->start + (uint64_t)known->sigreturn;
}

static bool is_libc(const struct maps_vma *vma)
{
	return vma->path && (memmem(vma->path, vma->path_len, "/libc", 5) ||
			     memmem(vma->path, vma->path_len, "/ld-musl", 8));
}

/* libc first: it has everything; then all other code until everything is there. */
static int survey_maps(struct survey *s, struct park_memory *memory, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_vma vma;
	size_t len;
	int rc = proc_read(s->tid, "maps", &text, &len, err);

	if (rc < 0)
		return rc;
	for (int pass = 0; pass < 2; pass++) {
		struct maps_cursor c = maps_over(text, len);

		while (maps_next(&c, &vma)) {
			if (maps_named(&vma, "[stack]")) {
				s->stack_start = vma.start;
				s->stack_end = vma.end;
			}
			if ((vma.prot & PROT_EXEC) && (vma.prot & PROT_READ) &&
			    (pass ? !is_libc(&vma) : is_libc(&vma)) &&
			    !(s->insn && s->call && s->sigreturn))
				survey_code(s, &vma, memory);
		}
	}
	return s->insn ? 0 : err_say(err, ENOENT, "no system call instruction to borrow");
}

struct placing {
	uint8_t frame[FRAME_MAX], xsave[REGS_XSAVE_MAX];
};

/* The frame goes to the unused bottom of the main stack. */
static void place_frame(struct home *home, const struct survey *s, const struct park_thread *t,
			const struct user_regs_struct *live, uint64_t sigmask, struct placing *p)
{
	struct user_regs_struct regs = t->done ? *live : t->regs; /* on a detour: there */
	uint64_t at = (s->stack_start + HOME_FRAME_UP) & ~UINT64_C(63);
	int n = regs_get_xsave(t->tid, p->xsave, sizeof(p->xsave), NULL);
	size_t size;

	if (n < 0 || n > FRAME_MAX - 1024)
		return;
	/* rt_sigreturn ends a restart block: such a call is begun anew. */
	regs_make_startable(&regs, t->syscall);
	size = frame_build(p->frame, at, s->sigreturn, &regs, sigmask, p->xsave, (size_t)n);
	home->old = malloc(size);
	if (!home->old || remote_read(t->tid, at, home->old, size, NULL) < 0 ||
	    remote_write(t->tid, at, p->frame, size, NULL) < 0)
		return;
	home->insn = s->call;
	home->stack = at;
	home->size = size;
}

/* Is everything there, and the stack far away from where the frame would stand? */
static bool placeable(const struct survey *s, uint64_t sp)
{
	return s->call && s->sigreturn && sp < s->stack_end &&
	       sp >= s->stack_start + HOME_FRAME_UP + HOME_STACK_ROOM;
}

int home_open(struct home *home, const struct park_thread *t, bool leader,
	      const struct user_regs_struct *regs, uint64_t sigmask, struct park_memory *memory,
	      struct err *err)
{
	struct survey s = { .tid = t->tid };
	int rc = survey_maps(&s, memory, err);

	*home = (struct home){ .insn = s.insn, .tid = t->tid };
	if (rc >= 0 && leader && placeable(&s, regs_sp(regs))) {
		OWNED_PTR struct placing *p = calloc(1, sizeof(*p));

		if (p)
			place_frame(home, &s, t, regs, sigmask, p);
	}
	return rc;
}

void home_close(struct home *home)
{
	if (home->size)
		remote_write(home->tid, home->stack, home->old, home->size, NULL);
	free(home->old);
	*home = (struct home){ 0 };
}
