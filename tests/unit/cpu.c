/* SPDX-License-Identifier: Apache-2.0 */
/* base/arch: names of CPU features, and what this CPU says of itself. */
#include "unit.h"

#include "arch/cpu.h"

#include <stddef.h>

/* Bits by the SDM, CPUID leaves 1 and 7. */
static void check_names(void)
{
	CHECK_STR(cpu_feature_name(0, 0), "sse3");
	CHECK_STR(cpu_feature_name(0, 28), "avx");
	CHECK_STR(cpu_feature_name(1, 26), "sse2");
	CHECK_STR(cpu_feature_name(2, 5), "avx2");
	CHECK_STR(cpu_feature_name(2, 16), "avx512f");
	CHECK(!cpu_feature_name(0, 31)); /* "runs under a hypervisor" is no feature of a CPU */
	CHECK(!cpu_feature_name(0, 27)); /* OSXSAVE: what the kernel set, seen through xfeatures */
	CHECK(!cpu_feature_name(CPU_WORDS, 0));
	CHECK(!cpu_feature_name(0, 32));
}

/* A name stands for one bit only. */
static void check_unique(void)
{
	const char *names[CPU_WORDS * 32];
	size_t n = 0;

	for (size_t w = 0; w < CPU_WORDS; w++)
		for (unsigned int bit = 0; bit < 32; bit++)
			if (cpu_feature_name(w, bit))
				names[n++] = cpu_feature_name(w, bit);
	CHECK(n > 40);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			CHECK(strcmp(names[i], names[j]) != 0);
}

static void check_here(void)
{
	struct cpu_features a, b;
	char model[49];

	cpu_features_read(&a);
	cpu_features_read(&b);
	CHECK(!memcmp(&a, &b, sizeof(a)));
	CHECK(a.word[1] >> 26 & 1); /* every x86-64 has SSE2 */
	CHECK((cpu_xfeatures() & 3) == 3);
	cpu_model(model);
	CHECK(strlen(model) < sizeof(model));
}

int main(void)
{
	check_names();
	check_unique();
	check_here();
	return unit_result();
}
