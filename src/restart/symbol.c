/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/symbol.h"

#include "base/owned.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct symbol_file {
	const uint8_t *at;
	uint64_t size;
	const Elf64_Ehdr *header;
};

/* @n records of @record bytes at @offset, or NULL where the file does not hold them. */
static const void *symbol_at(const struct symbol_file *f, uint64_t offset, uint64_t n,
			     uint64_t record)
{
	if (offset > f->size || offset % 8 || n > (f->size - offset) / record)
		return NULL;
	return f->at + offset;
}

/* Where the first bytes of the file are linked to be; @interp: it asks for a dynamic linker. */
static int symbol_segments(const struct symbol_file *f, uint64_t *base, bool *interp)
{
	const Elf64_Phdr *p = symbol_at(f, f->header->e_phoff, f->header->e_phnum, sizeof(*p));
	bool found = false;

	*interp = false;
	for (size_t i = 0; p && i < f->header->e_phnum; i++) {
		*interp = *interp || p[i].p_type == PT_INTERP;
		if (p[i].p_type != PT_LOAD || found)
			continue;
		*base = p[i].p_vaddr - p[i].p_offset;
		found = true;
	}
	return found ? 0 : -ENOENT;
}

static bool symbol_is(const Elf64_Sym *s, const char *strings, uint64_t size, const char *name)
{
	return s->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s->st_info) == STT_OBJECT &&
	       ELF64_ST_BIND(s->st_info) != STB_LOCAL && s->st_name < size &&
	       !strncmp(strings + s->st_name, name, size - s->st_name);
}

static int symbol_in_table(const struct symbol_file *f, const Elf64_Shdr *sections, size_t i,
			   const char *name, uint64_t *value)
{
	const Elf64_Shdr *table = &sections[i], *names;
	const Elf64_Sym *s =
		symbol_at(f, table->sh_offset, table->sh_size / sizeof(*s), sizeof(*s));

	if (!s || table->sh_link >= f->header->e_shnum)
		return -ENOENT;
	names = &sections[table->sh_link];
	if (names->sh_offset > f->size || names->sh_size > f->size - names->sh_offset)
		return -ENOENT;
	for (uint64_t k = 0; k < table->sh_size / sizeof(*s); k++) {
		if (!symbol_is(&s[k], (const char *)f->at + names->sh_offset, names->sh_size, name))
			continue;
		*value = s[k].st_value;
		return 0;
	}
	return -ENOENT;
}

static int symbol_look(struct symbol_file *f, const char *name, uint64_t *offset)
{
	const Elf64_Shdr *sections;
	uint64_t base = 0, value;
	bool interp;

	f->header = symbol_at(f, 0, 1, sizeof(*f->header));
	if (!f->header || memcmp(f->header->e_ident, ELFMAG, SELFMAG) ||
	    f->header->e_ident[EI_CLASS] != ELFCLASS64 || symbol_segments(f, &base, &interp) < 0)
		return -ENOENT;
	sections = symbol_at(f, f->header->e_shoff, f->header->e_shnum, sizeof(*sections));
	for (size_t i = 0; sections && i < f->header->e_shnum; i++) {
		bool wanted = sections[i].sh_type == SHT_DYNSYM ||
			      (sections[i].sh_type == SHT_SYMTAB && !interp);

		if (!wanted || symbol_in_table(f, sections, i, name, &value) < 0)
			continue;
		*offset = value - base;
		return 0;
	}
	return -ENOENT;
}

int symbol_find(const char *path, const char *name, uint64_t *offset)
{
	OWNED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct symbol_file f = { 0 };
	struct stat st;
	void *at;
	int rc;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return -ENOENT;
	f.size = (uint64_t)st.st_size;
	at = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		return -ENOENT;
	f.at = at;
	rc = symbol_look(&f, name, offset);
	munmap(at, f.size);
	return rc;
}
