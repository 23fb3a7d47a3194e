/* SPDX-License-Identifier: Apache-2.0 */
#include "restart/mapped.h"

#include "base/owned.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void mapped_done(struct mapped *maps)
{
	free(maps->vma_fd);
	free(maps->opened);
}

static bool mapped_is_written(const struct model *m, uint32_t file)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].file == file && m->vmas.at[i].flags & IMG_VMA_SHARED &&
		    (m->vmas.at[i].prot & PROT_WRITE || m->vmas.at[i].object))
			return true;
	return false;
}

static bool mapped_may_be_written(const struct model *m, uint32_t file)
{
	for (size_t i = 0; i < m->vmas.n; i++)
		if (m->vmas.at[i].file == file && m->vmas.at[i].flags & IMG_VMA_MAYWRITE)
			return true;
	return false;
}

/* What is not written now, but was mapped so that it may be, is so again where the file lets us. */
static int mapped_named(const struct model *m, const struct img_file *f, struct err *err)
{
	bool writable = mapped_is_written(m, f->id);
	int fd = -1;

	if (!writable && mapped_may_be_written(m, f->id))
		fd = res_open_mapped(m, f, true, &(struct err){ 0 });
	return fd < 0 ? res_open_mapped(m, f, writable, err) : fd;
}

/* Can what is mapped be mapped through descriptor @fd? It may not be the one that it was mapped through. */
static bool mapped_fits(int fd, bool writable)
{
	int flags = fcntl(fd, F_GETFL), seals = fcntl(fd, F_GET_SEALS);

	/* What nobody may write is mapped through a descriptor that cannot either. */
	if (seals > 0 && seals & F_SEAL_WRITE)
		writable = false;
	if (flags < 0 || flags & O_PATH)
		return false;
	return (flags & O_ACCMODE) == O_RDWR || (!writable && (flags & O_ACCMODE) == O_RDONLY);
}

/*
 * For a file without a name: the program's descriptor, if it is one to map through, else another for it.
 * *@opened: it is to be closed.
 */
static int mapped_nameless(const struct mapped *maps, uint32_t id, int own, bool writable,
			   bool *opened, struct err *err)
{
	int made = own < 0 ? res_restart_find(maps->res, id) : own, fd = -1;
	char via[64];

	if (made < 0)
		return err_say(err, EINVAL, "no process has a descriptor for file %u", id);
	*opened = true;
	text_format(via, sizeof(via), "/proc/self/fd/%d", made);
	if (!mapped_fits(made, writable))
		fd = open(via, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0 && own >= 0) {
		*opened = false;
		return own;
	}
	if (fd < 0)
		fd = fcntl(made, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? err_set(err, errno, "another descriptor for file %u", id) : fd;
}

static int mapped_own(const struct model *m, uint32_t id)
{
	for (size_t i = 0; i < m->fds.n; i++)
		if (m->fds.at[i].file == id)
			return m->fds.at[i].fd;
	return -1;
}

static int mapped_fd(struct mapped *maps, const struct model *m, size_t index, struct err *err)
{
	uint32_t id = m->vmas.at[index].file;
	const struct img_file *f;
	bool opened = true;
	int fd;

	for (size_t i = 0; i < index; i++)
		if (m->vmas.at[i].file == id)
			return maps->vma_fd[i];
	fd = mapped_own(maps->table, id);
	f = model_file(m, id);
	if (m->vmas.at[index].kind == IMG_VMA_MEMFD || m->vmas.at[index].kind == IMG_VMA_URING ||
	    m->vmas.at[index].kind == IMG_VMA_SOCKET)
		fd = mapped_nameless(maps, id, fd, mapped_is_written(m, id), &opened, err);
	else if (fd >= 0)
		opened = false;
	else if (f)
		fd = mapped_named(m, f, err);
	else
		fd = err_say(err, EINVAL, "names file %u, which is not in the image", id);
	if (fd < 0)
		return err_add(err, "mapping at 0x%llx",
			       (unsigned long long)m->vmas.at[index].start);
	if (opened)
		maps->opened[maps->nopened++] = fd;
	return fd;
}

int mapped_open(struct mapped *maps, const struct model *m, struct err *err)
{
	maps->vma_fd = calloc(m->vmas.n + 1, sizeof(*maps->vma_fd));
	maps->opened = calloc(m->vmas.n + 2, sizeof(*maps->opened));
	if (!maps->vma_fd || !maps->opened)
		return err_set(err, ENOMEM, "descriptors for mappings");
	for (size_t i = 0; i < m->vmas.n; i++) {
		int fd = m->vmas.at[i].file ? mapped_fd(maps, m, i, err) : -1;

		if (m->vmas.at[i].file && fd < 0)
			return fd;
		maps->vma_fd[i] = fd;
	}
	return 0;
}

int mapped_open_exe(struct rebuild *b, struct mapped *maps, struct err *err)
{
	const char *exe = model_string(b->m, b->m->process.exe);

	if (b->m->process.exe_data.len)
		b->exe_fd = res_open_program(b->m, err);
	else
		b->exe_fd = exe[0] ? open(exe, O_RDONLY | O_CLOEXEC) : -1;
	if (b->exe_fd < 0 && b->m->process.exe_data.len)
		return b->exe_fd;
	if (b->exe_fd >= 0)
		maps->opened[maps->nopened++] = b->exe_fd;
	return 0;
}
