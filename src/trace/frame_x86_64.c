/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/frame.h"

#include <cpuid.h>
#include <string.h>

/* arch/x86/include/asm/sigframe.h, asm/ucontext.h and asm/sigcontext.h of the kernel. */
struct frame_context {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct frame {
	uint64_t restorer;
	uint64_t uc_flags, uc_link, altstack[3];
	struct frame_context context;
	uint64_t sigmask;
	uint8_t siginfo[128];
};
_Static_assert(offsetof(struct frame, context) == 8 + 40, "ABI");
_Static_assert(offsetof(struct frame, sigmask) == 8 + 296, "ABI");
_Static_assert(sizeof(struct frame) == 440, "ABI");

enum {
	FRAME_UC_FLAGS = 7, /* has xstate, saves ss, restores ss */
	FRAME_FPSTATE_AT = 448,
	FRAME_SW_AT = 464, /* where the legacy area has room for software */
	FRAME_XSAVE_HEADER_END = 576,
	FRAME_XFEATURE_TILE = 18, /* not in a frame unless the program has asked for it */
	FRAME_MAGIC1 = 0x46505853,
	FRAME_MAGIC2 = 0x46505845,
};

struct frame_sw {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size, padding[7];
};
_Static_assert(sizeof(struct frame_sw) == 48, "ABI");

/* Where component @i of an xsave area ends; asked once: in a virtual machine that takes a while. */
static uint32_t frame_xfeature_end(unsigned int i)
{
	static _Atomic uint32_t ends[63];
	unsigned int a, b, c, d;

	if (!ends[i]) {
		__cpuid_count(0xd, i, a, b, c, d);
		ends[i] = a + b;
	}
	return ends[i];
}

/* How much of an xsave area a frame holds: ptrace also gives what needs permission. */
static size_t frame_xsave_size(uint64_t xfeatures, size_t given)
{
	size_t size = FRAME_XSAVE_HEADER_END;

	for (unsigned int i = 2; i < 63; i++) {
		if (!(xfeatures >> i & 1) || i == FRAME_XFEATURE_TILE)
			continue;
		if (frame_xfeature_end(i) > size)
			size = frame_xfeature_end(i);
	}
	return size < given ? size : given;
}

static size_t frame_fill_xsave(uint8_t *to, const uint8_t *xsave, size_t given)
{
	struct frame_sw sw = { .magic1 = FRAME_MAGIC1 };
	uint32_t magic2 = FRAME_MAGIC2;
	size_t size;

	memcpy(&sw.xfeatures, xsave + FRAME_SW_AT, sizeof(sw.xfeatures));
	size = frame_xsave_size(sw.xfeatures, given);
	memcpy(to, xsave, size);
	sw.xstate_size = (uint32_t)size;
	sw.extended_size = (uint32_t)size + (uint32_t)sizeof(magic2);
	sw.xfeatures &= ~(UINT64_C(1) << FRAME_XFEATURE_TILE);
	memcpy(to + FRAME_SW_AT, &sw, sizeof(sw));
	memcpy(to + size, &magic2, sizeof(magic2));
	return size + sizeof(magic2);
}

static void frame_fill_context(struct frame_context *c, const struct user_regs_struct *r)
{
	*c = (struct frame_context){
		.r8 = r->r8,
		.r9 = r->r9,
		.r10 = r->r10,
		.r11 = r->r11,
		.r12 = r->r12,
		.r13 = r->r13,
		.r14 = r->r14,
		.r15 = r->r15,
		.di = r->rdi,
		.si = r->rsi,
		.bp = r->rbp,
		.bx = r->rbx,
		.dx = r->rdx,
		.ax = r->rax,
		.cx = r->rcx,
		.sp = r->rsp,
		.ip = r->rip,
		.flags = r->eflags,
		.cs = (uint16_t)r->cs,
		.ss = (uint16_t)r->ss,
	};
}

size_t frame_build(uint8_t *buf, uint64_t at, uint64_t restorer,
		   const struct user_regs_struct *regs, uint64_t sigmask, const uint8_t *xsave,
		   size_t xsave_size)
{
	struct frame f = { .restorer = restorer, .uc_flags = FRAME_UC_FLAGS, .sigmask = sigmask };

	/* An altstack of size 0 is refused by the kernel, so that the thread keeps its own. */
	frame_fill_context(&f.context, regs);
	f.context.fpstate = at + FRAME_FPSTATE_AT;
	memcpy(buf, &f, sizeof(f));
	return FRAME_FPSTATE_AT + frame_fill_xsave(buf + FRAME_FPSTATE_AT, xsave, xsave_size);
}

const uint8_t *frame_find_call(const uint8_t *code, size_t size)
{
	static const uint8_t call_ret[] = { 0x0f, 0x05, 0xc3 }; /* syscall; ret */

	return memmem(code, size, call_ret, sizeof(call_ret));
}

const uint8_t *frame_find_sigreturn(const uint8_t *code, size_t size)
{
	/* mov $15, %eax; syscall, and the same for %rax: what sa_restorer points to. */
	static const uint8_t narrow[] = { 0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	static const uint8_t wide[] = { 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05 };
	const uint8_t *found = memmem(code, size, wide, sizeof(wide));

	return found ? found : memmem(code, size, narrow, sizeof(narrow));
}
