/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/vdso.h"

#include "arch/jump.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

struct vdso_file {
	const uint8_t *bytes;
	size_t size;
	uint64_t load; /* p_vaddr of the first segment: symbols count from there */
	const Elf64_Sym *symbols;
	size_t nsymbols;
	const char *strings;
	size_t strings_size;
};

/* @len bytes at file offset @at, or NULL. */
static const void *vdso_at(const struct vdso_file *v, uint64_t at, uint64_t len)
{
	if (at > v->size || len > v->size - at || at % 8)
		return NULL;
	return v->bytes + at;
}

static int vdso_bad(struct err *err, const char *what)
{
	return err_say(err, EBADMSG, "a vdso %s", what);
}

static int vdso_segments(struct vdso_file *v, uint64_t *dynamic, uint64_t *ndynamic,
			 struct err *err)
{
	const Elf64_Ehdr *e = vdso_at(v, 0, sizeof(*e));
	const Elf64_Phdr *ph;
	bool loaded = false;

	if (!e || memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_phentsize != sizeof(*ph))
		return vdso_bad(err, "is no ELF file");
	ph = vdso_at(v, e->e_phoff, e->e_phnum * sizeof(*ph));
	if (!ph)
		return vdso_bad(err, "has segments outside itself");
	*ndynamic = 0;
	for (size_t i = 0; i < e->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !loaded) {
			loaded = true;
			v->load = ph[i].p_vaddr - ph[i].p_offset;
		} else if (ph[i].p_type == PT_DYNAMIC) {
			*dynamic = ph[i].p_offset;
			*ndynamic = ph[i].p_filesz / sizeof(Elf64_Dyn);
		}
	}
	return loaded && *ndynamic ? 0 : vdso_bad(err, "has no dynamic segment");
}

/* Symbols as the old or the GNU hash table counts them: the section headers may not be mapped. */
static size_t vdso_count_gnu(const struct vdso_file *v, uint64_t at)
{
	const uint32_t *h = vdso_at(v, at, 16), *buckets, *chain;
	uint64_t buckets_at, last = 0;

	if (!h)
		return 0;
	buckets_at = at + 16 + h[2] * 8ull;
	buckets = vdso_at(v, buckets_at & ~7ull, h[0] * 4ull + 8);
	if (!buckets)
		return 0;
	for (uint32_t i = 0; i < h[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < h[1])
		return 0;
	for (;; last++) {
		uint64_t slot = buckets_at + h[0] * 4ull + (last - h[1]) * 4;

		if (slot > v->size - 4)
			return 0;
		chain = (const uint32_t *)(const void *)(v->bytes + slot);
		if (*chain & 1)
			return last + 1;
	}
}

static size_t vdso_count(const struct vdso_file *v, uint64_t hash, uint64_t gnu_hash)
{
	const uint32_t *h = hash ? vdso_at(v, hash & ~7ull, 16) : NULL;

	if (h)
		return h[hash % 8 / 4 + 1];
	return gnu_hash ? vdso_count_gnu(v, gnu_hash) : 0;
}

static int vdso_open(struct vdso_file *v, const uint8_t *bytes, size_t size, struct err *err)
{
	uint64_t dynamic = 0, n = 0, sym = 0, str = 0, strsz = 0, hash = 0, gnu_hash = 0;
	const Elf64_Dyn *d;
	int rc;

	*v = (struct vdso_file){ .bytes = bytes, .size = size };
	rc = vdso_segments(v, &dynamic, &n, err);
	if (rc < 0)
		return rc;
	d = vdso_at(v, dynamic, n * sizeof(*d));
	if (!d)
		return vdso_bad(err, "has its dynamic segment outside itself");
	for (; n-- && d->d_tag != DT_NULL; d++) {
		uint64_t value = d->d_un.d_ptr;

		if (d->d_tag == DT_SYMTAB)
			sym = value - v->load;
		else if (d->d_tag == DT_STRTAB)
			str = value - v->load;
		else if (d->d_tag == DT_STRSZ)
			strsz = value;
		else if (d->d_tag == DT_HASH)
			hash = value - v->load;
		else if (d->d_tag == DT_GNU_HASH)
			gnu_hash = value - v->load;
	}
	v->nsymbols = vdso_count(v, hash, gnu_hash);
	if (v->nsymbols > size / sizeof(*v->symbols))
		return vdso_bad(err, "has more symbols than bytes");
	v->symbols = vdso_at(v, sym, v->nsymbols * sizeof(*v->symbols));
	if (str > size || strsz > size - str || !strsz || bytes[str + strsz - 1])
		return vdso_bad(err, "has its names outside itself");
	v->strings = (const char *)bytes + str;
	v->strings_size = strsz;
	return v->symbols && v->nsymbols ? 0 : vdso_bad(err, "has no symbols");
}

/* The file offset of function @s, or 0: not a function of this file, or not all of it inside. */
static uint64_t vdso_function(const struct vdso_file *v, const Elf64_Sym *s)
{
	uint64_t at = s->st_value - v->load;

	if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF ||
	    s->st_name >= v->strings_size || at >= v->size || s->st_size > v->size - at)
		return 0;
	return at;
}

static uint64_t vdso_find(const struct vdso_file *v, const char *name)
{
	for (size_t i = 0; i < v->nsymbols; i++) {
		uint64_t at = vdso_function(v, &v->symbols[i]);

		if (at && !strcmp(v->strings + v->symbols[i].st_name, name))
			return at;
	}
	return 0;
}

int vdso_redirect(uint8_t *old, size_t old_size, const uint8_t *now, size_t now_size,
		  uint64_t now_at, struct err *err)
{
	struct vdso_file from, to;
	int redirected = 0;
	int rc = vdso_open(&from, old, old_size, err);

	if (rc >= 0)
		rc = vdso_open(&to, now, now_size, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < from.nsymbols; i++) {
		const Elf64_Sym *s = &from.symbols[i];
		uint64_t at = vdso_function(&from, s), target;

		if (!at)
			continue;
		target = vdso_find(&to, from.strings + s->st_name);
		if (target && s->st_size >= JUMP_SIZE) {
			jump_write(old + at, now_at + target);
			redirected++;
		} else if (s->st_size >= JUMP_ENOSYS_SIZE) {
			jump_write_enosys(old + at);
		}
	}
	return redirected;
}
