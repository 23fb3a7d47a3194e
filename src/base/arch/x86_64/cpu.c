/* SPDX-License-Identifier: Apache-2.0 */
#include "arch/cpu.h"

struct cpu_leaf {
	uint32_t leaf, subleaf;
	unsigned int reg; /* 0 eax, 1 ebx, 2 ecx, 3 edx */
};

/* Which register of which leaf makes which word; the order is part of the image format. */
static const struct cpu_leaf cpu_leaves[CPU_WORDS] = {
	{ 1, 0, 2 }, { 1, 0, 3 }, { 7, 0, 1 },		{ 7, 0, 2 },
	{ 7, 0, 3 }, { 7, 1, 0 }, { 0x80000001, 0, 2 }, { 0xd, 1, 0 },
};

struct cpu_name {
	unsigned char word, bit;
	const char *name;
};

static const struct cpu_name cpu_names[] = {
	{ 0, 0, "sse3" },
	{ 0, 1, "pclmulqdq" },
	{ 0, 9, "ssse3" },
	{ 0, 12, "fma" },
	{ 0, 13, "cx16" },
	{ 0, 19, "sse4_1" },
	{ 0, 20, "sse4_2" },
	{ 0, 22, "movbe" },
	{ 0, 23, "popcnt" },
	{ 0, 25, "aes" },
	{ 0, 26, "xsave" },
	{ 0, 28, "avx" },
	{ 0, 29, "f16c" },
	{ 0, 30, "rdrand" },
	{ 1, 25, "sse" },
	{ 1, 26, "sse2" },
	{ 2, 0, "fsgsbase" },
	{ 2, 3, "bmi1" },
	{ 2, 4, "hle" },
	{ 2, 5, "avx2" },
	{ 2, 8, "bmi2" },
	{ 2, 9, "erms" },
	{ 2, 11, "rtm" },
	{ 2, 16, "avx512f" },
	{ 2, 17, "avx512dq" },
	{ 2, 18, "rdseed" },
	{ 2, 19, "adx" },
	{ 2, 21, "avx512ifma" },
	{ 2, 23, "clflushopt" },
	{ 2, 24, "clwb" },
	{ 2, 28, "avx512cd" },
	{ 2, 29, "sha_ni" },
	{ 2, 30, "avx512bw" },
	{ 2, 31, "avx512vl" },
	{ 3, 1, "avx512vbmi" },
	{ 3, 6, "avx512_vbmi2" },
	{ 3, 8, "gfni" },
	{ 3, 9, "vaes" },
	{ 3, 10, "vpclmulqdq" },
	{ 3, 11, "avx512_vnni" },
	{ 3, 12, "avx512_bitalg" },
	{ 3, 14, "avx512_vpopcntdq" },
	{ 3, 22, "rdpid" },
	{ 4, 4, "fsrm" },
	{ 4, 8, "avx512_vp2intersect" },
	{ 4, 22, "amx_bf16" },
	{ 4, 23, "avx512_fp16" },
	{ 4, 24, "amx_tile" },
	{ 4, 25, "amx_int8" },
	{ 5, 4, "avx_vnni" },
	{ 5, 5, "avx512_bf16" },
	{ 6, 0, "lahf_lm" },
	{ 6, 5, "abm" },
	{ 6, 6, "sse4a" },
	{ 6, 11, "xop" },
	{ 6, 16, "fma4" },
	{ 7, 1, "xsavec" },
	{ 7, 0, "xsaveopt" },
	{ 7, 2, "xgetbv1" },
};

static void cpu_id(uint32_t leaf, uint32_t subleaf, uint32_t reg[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
			 : "a"(leaf), "c"(subleaf));
}

void cpu_features_read(struct cpu_features *features)
{
	for (size_t i = 0; i < CPU_WORDS; i++) {
		const struct cpu_leaf *l = &cpu_leaves[i];
		uint32_t reg[4];

		cpu_id(l->leaf & 0x80000000u, 0, reg);
		if (reg[0] < l->leaf) {
			features->word[i] = 0;
			continue;
		}
		cpu_id(l->leaf, l->subleaf, reg);
		features->word[i] = reg[l->reg];
	}
}

uint64_t cpu_xfeatures(void)
{
	uint32_t reg[4], lo, hi;

	cpu_id(1, 0, reg);
	if (!(reg[2] >> 27 & 1)) /* OSXSAVE: xgetbv works */
		return 3; /* x87 and SSE */
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void cpu_model(char name[49])
{
	uint32_t reg[4];
	size_t n = 0;

	cpu_id(0x80000000u, 0, reg);
	if (reg[0] >= 0x80000004u)
		for (uint32_t leaf = 0x80000002u; leaf <= 0x80000004u; leaf++) {
			cpu_id(leaf, 0, reg);
			for (int i = 0; i < 16; i++)
				name[n++] = (char)(reg[i / 4] >> i % 4 * 8);
		}
	name[n] = '\0';
}

const char *cpu_feature_name(size_t word, unsigned int bit)
{
	for (size_t i = 0; i < sizeof(cpu_names) / sizeof(cpu_names[0]); i++)
		if (cpu_names[i].word == word && cpu_names[i].bit == bit)
			return cpu_names[i].name;
	return NULL;
}
