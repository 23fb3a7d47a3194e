/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a variable of a program stands: looked up in the symbol tables of an ELF file.
 *
 * The one rule: the file is anybody's. Nothing in it is believed beyond its own size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * The value of object @name in the file @path, relative to where the file's first bytes are mapped
 * (in a position-dependent program: likewise, not the address itself). Only what the dynamic linker sees;
 * in a program without one every global symbol. -ENOENT where it has none or cannot be read.
 */
int symbol_find(const char *path, const char *name, uint64_t *offset);
