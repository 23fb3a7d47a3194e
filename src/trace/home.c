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

/* What is found in those places. */
struct survey {
	pid_t tid;
	uint64_t insn, call, sigreturn;
};

static bool names(const struct maps_vma *vma, const char *part)
{
	return memmem(vma->path, vma->path_len, part, strlen(part));
}

/* libc.so.6, libc-2.31.so, musl's libc.so; not libcrypto.so.3: there may be more such than places. */
static bool is_libc(const struct maps_vma *vma)
{
	return vma->path &&
	       (names(vma, "/libc.so") || names(vma, "/libc-2.") || names(vma, "/ld-musl"));
}

static struct home_place place_of(const struct maps_vma *vma)
{
	return (struct home_place){ vma->start, vma->end, vma->offset,
				    (uint64_t)vma->dev_major << 32 | vma->dev_minor, vma->ino };
}

static bool is_code(const struct maps_vma *vma)
{
	return vma->prot & PROT_EXEC && vma->prot & PROT_READ;
}

void home_note(struct home_places *p, const struct maps_vma *vma)
{
	bool libc = is_libc(vma);
	size_t at = libc ? p->nlibc : p->n;

	if (maps_named(vma, "[stack]")) {
		p->stack_start = vma->start;
		p->stack_end = vma->end;
	}
	if (!is_code(vma))
		return;
	p->more |= p->n == HOME_PLACES;
	if (at == HOME_PLACES)
		return;
	p->n += p->n < HOME_PLACES;
	p->nlibc += libc;
	memmove(&p->at[at + 1], &p->at[at], (p->n - 1 - at) * sizeof(p->at[0]));
	p->at[at] = place_of(vma);
}

static struct memory_code *remembered(struct park_memory *memory, const struct home_place *p)
{
	for (size_t i = 0; memory && i < MEMORY_CODES; i++) {
		struct memory_code *c = &memory->codes[i];

		if (c->ino && c->dev == p->dev && c->ino == p->ino && c->offset == p->offset &&
		    c->size == p->end - p->start)
			return c;
	}
	return NULL;
}

/* Offsets into the mapping; -1 where the code has no such thing. */
static void search(const struct survey *s, const struct home_place *p, struct memory_code *found)
{
	size_t size = p->end - p->start;
	OWNED_PTR uint8_t *code = NULL;
	const uint8_t *insn, *call, *sigreturn;

	*found = (struct memory_code){ .dev = p->dev,
				       .ino = p->ino,
				       .offset = p->offset,
				       .size = size,
				       .insn = -1,
				       .call = -1,
				       .sigreturn = -1 };
	if (size > HOME_CODE_MAX)
		size = HOME_CODE_MAX;
	code = malloc(size);
	if (!code || remote_read(s->tid, p->start, code, size, NULL) < 0)
		return;
	insn = memmem(code, size, regs_insn, REGS_INSN_LEN);
	call = frame_find_call(code, size);
	sigreturn = frame_find_sigreturn(code, size);
	found->insn = insn ? insn - code : -1;
	found->call = call ? call - code : -1;
	found->sigreturn = sigreturn ? sigreturn - code : -1;
}

static bool survey_done(const struct survey *s)
{
	return s->insn && s->call && s->sigreturn;
}

static void survey_code(struct survey *s, const struct home_place *p, struct park_memory *memory)
{
	struct memory_code *known = remembered(memory, p), found;

	if (!known) {
		search(s, p, &found);
		known = &found;
		if (memory && p->ino)
			memory->codes[memory->next_code++ % MEMORY_CODES] = found;
	}
	if (!s->insn && known->insn >= 0)
		s->insn = p->start + (uint64_t)known->insn;
	if (!s->call && known->call >= 0)
		s->call = p->start + (uint64_t)known->call;
	if (!s->sigreturn && known->sigreturn >= 0)
		s->sigreturn = p->start + (uint64_t)known->sigreturn;
}

int home_note_all(struct home_places *places, pid_t tid, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor c;
	struct maps_vma vma;
	size_t len;
	int rc = proc_read(tid, "maps", &text, &len, err);

	if (rc < 0)
		return rc;
	for (c = maps_over(text, len); maps_next(&c, &vma);)
		home_note(places, &vma);
	return 0;
}

/* More code than was noted. */
static int survey_maps(struct survey *s, struct park_memory *memory, struct err *err)
{
	OWNED_PTR char *text = NULL;
	struct maps_cursor c;
	struct maps_vma vma;
	size_t len;
	int rc = proc_read(s->tid, "maps", &text, &len, err);

	if (rc < 0)
		return rc;
	for (c = maps_over(text, len); !survey_done(s) && maps_next(&c, &vma);) {
		struct home_place place = place_of(&vma);

		if (is_code(&vma))
			survey_code(s, &place, memory);
	}
	return 0;
}

static int survey(struct survey *s, const struct home_places *places, struct park_memory *memory,
		  struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < places->n && !survey_done(s); i++)
		survey_code(s, &places->at[i], memory);
	if (!survey_done(s) && places->more)
		rc = survey_maps(s, memory, err);
	if (rc < 0)
		return rc;
	return s->insn ? 0 : err_say(err, ENOENT, "no system call instruction to borrow");
}

struct placing {
	uint8_t frame[FRAME_MAX], xsave[REGS_XSAVE_MAX];
};

/* The frame goes to the unused bottom of the main stack. */
static void place_frame(struct home *home, const struct survey *s, uint64_t stack_start,
			const struct park_thread *t, const struct user_regs_struct *live,
			uint64_t sigmask, struct placing *p)
{
	struct user_regs_struct regs = t->done ? *live : t->regs; /* on a detour: there */
	uint64_t at = (stack_start + HOME_FRAME_UP) & ~UINT64_C(63);
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
static bool placeable(const struct survey *s, const struct home_places *places, uint64_t sp)
{
	return s->call && s->sigreturn && sp < places->stack_end &&
	       sp >= places->stack_start + HOME_FRAME_UP + HOME_STACK_ROOM;
}

int home_open(struct home *home, const struct park_thread *t, bool leader,
	      const struct user_regs_struct *regs, uint64_t sigmask,
	      const struct home_places *places, struct park_memory *memory, struct err *err)
{
	struct home_places own = { .n = 0 };
	struct survey s = { .tid = t->tid };
	uint64_t sp;
	int rc = places ? 0 : home_note_all(&own, t->tid, err);

	places = places ? places : &own;
	if (rc >= 0)
		rc = survey(&s, places, memory, err);
	*home = (struct home){ .insn = s.insn, .tid = t->tid };
	sp = leader ? regs_sp(regs) : places->leader_sp;
	if (rc >= 0 && sp && placeable(&s, places, sp)) {
		OWNED_PTR struct placing *p = calloc(1, sizeof(*p));

		if (p)
			place_frame(home, &s, places->stack_start, t, regs, sigmask, p);
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
