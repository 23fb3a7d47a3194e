/* SPDX-License-Identifier: Apache-2.0 */
/* home: among a program's libraries, the one with code to borrow is known by its name. */
#include "unit.h"

#include "trace/home.h"

#include <sys/mman.h>

/* A dozen libraries' code in front of @path's. */
static void check_found(const char *path, bool first)
{
	static const char other[] = "/usr/lib/libcrypto.so.3";
	struct home_places p = { .n = 0 };
	struct maps_vma vma = { .prot = PROT_READ | PROT_EXEC, .path = other };

	vma.path_len = strlen(other);
	for (vma.ino = 1; vma.ino <= 12; vma.ino++)
		home_note(&p, &vma);
	vma.path = path;
	vma.path_len = strlen(path);
	home_note(&p, &vma);
	CHECK(p.more);
	CHECK_INT(p.n, HOME_PLACES);
	if (!CHECK((p.at[0].ino == 13) == first))
		fprintf(stderr, "\t%s\n", path);
}

int main(void)
{
	check_found("/usr/lib/x86_64-linux-gnu/libc.so.6", true);
	check_found("/lib64/libc-2.31.so", true);
	check_found("/lib/ld-musl-x86_64.so.1", true);
	check_found("/usr/lib/x86_64-linux-musl/libc.so", true);
	check_found("/usr/lib/libc10.so", false);
	check_found("/usr/lib/libcurl.so.4", false);
	return unit_result();
}
