/* SPDX-License-Identifier: Apache-2.0 */
/* Vector registers, up to AVX-512, hold their values while the thread is busy in user mode. */
#include "live.h"

static volatile int stop, spinning;
static char in[64] __attribute__((aligned(64))) =
	"sixty-four bytes that stand in a register during a checkpoint..";
static char out[64] __attribute__((aligned(64)));

static void spin_avx512(void)
{
	uint64_t k = 0x123456789abcdef0, k_out;

	__asm__ volatile("vmovdqa64 (%[in]), %%zmm31\n\tvmovdqa64 (%[in]), %%zmm7\n\t"
			 "kmovq %[k], %%k5\n\tmovl $1, %[spinning]\n"
			 "1:\tpause\n\tcmpl $0, %[stop]\n\tje 1b\n\t"
			 "vpxorq %%zmm7, %%zmm31, %%zmm6\n\tvporq %%zmm6, %%zmm31, %%zmm31\n\t"
			 "vmovdqa64 %%zmm31, (%[out])\n\tkmovq %%k5, %[k_out]"
			 : [k_out] "=&r"(k_out), [spinning] "=m"(spinning)
			 : [in] "r"(in), [out] "r"(out), [k] "r"(k), [stop] "m"(stop)
			 : "memory", "cc");
	LIVE_CHECK(k_out == k);
}

static void spin_avx(void)
{
	__asm__ volatile("vmovdqa (%[in]), %%ymm7\n\tvmovdqa 32(%[in]), %%ymm15\n\t"
			 "movl $1, %[spinning]\n1:\tpause\n\tcmpl $0, %[stop]\n\tje 1b\n\t"
			 "vmovdqa %%ymm7, (%[out])\n\tvmovdqa %%ymm15, 32(%[out])"
			 : [spinning] "=m"(spinning)
			 : [in] "r"(in), [out] "r"(out), [stop] "m"(stop)
			 : "memory", "cc", "xmm7", "xmm15");
}

static void *spin(void *arg)
{
	if (__builtin_cpu_supports("avx512bw"))
		spin_avx512();
	else
		spin_avx();
	return arg;
}

int main(void)
{
	pthread_t t;

	if (!__builtin_cpu_supports("avx"))
		live_skip("this CPU has no AVX");
	t = live_thread(spin, NULL);
	while (!spinning)
		sched_yield();
	live_ready();
	stop = 1;
	LIVE_CHECK(!pthread_join(t, NULL));
	LIVE_CHECK(!memcmp(in, out, sizeof(in)));
	return 0;
}
