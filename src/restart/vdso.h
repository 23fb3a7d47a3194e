/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vdso of another kernel: the program holds addresses of its functions, so it stays where it was and each
 * function becomes a jump to this kernel's function of the same name.
 *
 * The one rule: both are read as untrusted ELF files; what cannot be read is an error, never an access
 * out of bounds. A function that this kernel does not have becomes "return -ENOSYS", after which
 * every libc makes the system call.
 */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Change @old (a writable copy of the old vdso) so that its functions jump into @now, whose bytes are given
 * and which stands at address @now_at. Returns how many were redirected.
 */
int vdso_redirect(uint8_t *old, size_t old_size, const uint8_t *now, size_t now_size,
		  uint64_t now_at, struct err *err);
