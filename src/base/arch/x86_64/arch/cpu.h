/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this CPU can do, in words that an image keeps and a restart compares.
 *
 * The one rule: a program may use any feature it has seen; so an image needs every bit that was set
 * where it was taken, as far as user code can use it. Source: Intel SDM volume 2, CPUID.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { CPU_WORDS = 8 };

/* ELF's name (e_machine) for programs of this CPU's 32-bit mode: EM_386. */
enum { CPU_ELF_32BIT = 3 };

struct cpu_features {
	uint32_t word[CPU_WORDS];
};

void cpu_features_read(struct cpu_features *features);

/* XCR0: the state components that the kernel saves for a thread. */
uint64_t cpu_xfeatures(void);

/* The model's name ("Intel(R) Xeon(R) ..."); at most 48 characters and NUL. */
void cpu_model(char name[49]);

/*
 * The name of bit @bit of word @word if user code can tell it ("avx512f"); NULL for bits that do not
 * matter to a restart.
 */
const char *cpu_feature_name(size_t word, unsigned int bit);
