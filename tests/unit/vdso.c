/* SPDX-License-Identifier: Apache-2.0 */
/* restart/vdso: a copy of our vdso, redirected to the real one, works like it; damage is refused. */
#include "unit.h"

#include "restart/vdso.h"

#include <dlfcn.h>
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

typedef int clock_fn(clockid_t clock, struct timespec *t);

enum { VDSO_SIZE = 8192, DAMAGES = 4000 };

static uint64_t find_clock(const uint8_t *vdso)
{
	const Elf64_Ehdr *e = (const void *)vdso;
	const Elf64_Shdr *sh = (const void *)(vdso + e->e_shoff);

	for (int i = 0; i < e->e_shnum; i++) {
		const Elf64_Sym *sym = (const void *)(vdso + sh[i].sh_offset);
		const char *names = (const char *)vdso + sh[sh[i].sh_link].sh_offset;

		for (size_t k = 0; sh[i].sh_type == SHT_DYNSYM && k < sh[i].sh_size / sizeof(*sym);
		     k++)
			if (!strcmp(names + sym[k].st_name, "__vdso_clock_gettime"))
				return sym[k].st_value;
	}
	return 0;
}

static void check_redirected(const uint8_t *vdso)
{
	uint8_t *copy = mmap(NULL, VDSO_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct timespec before, t = { 0 }, after;
	struct err err = ERR_INIT;
	clock_fn *fn;

	CHECK(copy != MAP_FAILED);
	memcpy(copy, vdso, VDSO_SIZE);
	CHECK(vdso_redirect(copy, VDSO_SIZE, vdso, VDSO_SIZE, (uintptr_t)vdso, &err) >= 4);
	CHECK_STR(err.msg, "");
	fn = (clock_fn *)(uintptr_t)(copy + find_clock(vdso));
	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK_INT(fn(CLOCK_MONOTONIC, &t), 0);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK(t.tv_sec >= before.tv_sec && t.tv_sec <= after.tv_sec);
	munmap(copy, VDSO_SIZE);
}

/* Whatever bytes it is given: an error or success, and no access out of bounds (sanitizers watch). */
static void check_damaged(const uint8_t *vdso)
{
	uint8_t *old = aligned_alloc(4096, VDSO_SIZE), *now = aligned_alloc(4096, VDSO_SIZE);
	struct err err;

	srand(1);
	for (int i = 0; i < DAMAGES; i++) {
		memcpy(old, vdso, VDSO_SIZE);
		memcpy(now, vdso, VDSO_SIZE);
		for (int k = 0; k < 8; k++)
			(i & 1 ? old : now)[rand() % 1024] = (uint8_t)rand();
		vdso_redirect(old, VDSO_SIZE, now, VDSO_SIZE, 0x1000, &err);
	}
	memset(old, 0, VDSO_SIZE);
	CHECK(vdso_redirect(old, VDSO_SIZE, now, VDSO_SIZE, 0, &err) < 0);
	CHECK(vdso_redirect(now, 0, now, VDSO_SIZE, 0, &err) < 0);
	free(old);
	free(now);
}

int main(void)
{
	const uint8_t *vdso = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);

	if (!vdso) {
		puts("this kernel gives no vdso");
		return 77;
	}
	check_redirected(vdso);
	check_damaged(vdso);
	return unit_result();
}
