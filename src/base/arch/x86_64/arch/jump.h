/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code that is written as data. */
#pragma once

#include "base/mem.h"

#include <stddef.h>
#include <stdint.h>

enum {
	JUMP_SIZE = 14, /* bytes of jump_write */
	JUMP_ENOSYS_SIZE = 6, /* of jump_write_enosys */
	JUMP_SYSCALL_SIZE = 2,
};

/* The instruction that enters the kernel. */
static const uint8_t jump_syscall[JUMP_SYSCALL_SIZE] = { 0x0f, 0x05 };

/* jmp *(%rip): an absolute jump that changes no register. */
static inline void jump_write(uint8_t *at, uint64_t target)
{
	static const uint8_t jmp[6] = { 0xff, 0x25, 0, 0, 0, 0 };

	mem_copy(at, jmp, sizeof(jmp));
	mem_copy(at + sizeof(jmp), &target, sizeof(target));
}

/* mov $-38, %eax; ret: what a vdso function says that has no fast way (the result is an int). */
static inline void jump_write_enosys(uint8_t *at)
{
	static const uint8_t code[JUMP_ENOSYS_SIZE] = { 0xb8, 0xda, 0xff, 0xff, 0xff, 0xc3 };

	mem_copy(at, code, sizeof(code));
}
