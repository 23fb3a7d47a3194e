/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw system calls that return -errno, for every room: the blobs have nothing else, and the hosted
 * rooms use them for calls that libc does not wrap. errno exists only in code that calls libc.
 */
#pragma once

#include "arch/syscall.h" /* base/arch/<cpu>/, chosen by the build */

#include <asm/unistd.h>

#define SYS_ARG(x) ((long)(x))
#define sys0(nr) sys_call6(nr, 0, 0, 0, 0, 0, 0)
#define sys1(nr, a) sys_call6(nr, SYS_ARG(a), 0, 0, 0, 0, 0)
#define sys2(nr, a, b) sys_call6(nr, SYS_ARG(a), SYS_ARG(b), 0, 0, 0, 0)
#define sys3(nr, a, b, c) sys_call6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), 0, 0, 0)
#define sys4(nr, a, b, c, d) sys_call6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), 0, 0)
#define sys5(nr, a, b, c, d, e) \
	sys_call6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), 0)
#define sys6(nr, a, b, c, d, e, f) \
	sys_call6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), SYS_ARG(f))
