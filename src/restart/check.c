/* SPDX-License-Identifier: Apache-2.0 */
/* Can these images run here? Everything that is wrong is told, as far as a message has room. */
#include "arch/cpu.h"
#include "base/owned.h"
#include "base/text.h"
#include "res/res.h"
#include "restart/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct check {
	struct image_reader *const *images;
	size_t n;
	const struct model *m;
	struct err *err;
	size_t used; /* of err->msg */
	unsigned int wrong;
};

static void check_say(struct check *c, int num, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void check_say(struct check *c, int num, const char *fmt, ...)
{
	size_t room = sizeof(c->err->msg) - c->used;
	va_list ap;

	if (!c->wrong++)
		c->err->num = num;
	if (c->used)
		c->used += text_format(c->err->msg + c->used, room, "; ");
	room = sizeof(c->err->msg) - c->used;
	va_start(ap, fmt);
	c->used += text_vformat(c->err->msg + c->used, room, fmt, ap);
	va_end(ap);
}

static void check_cpu(struct check *c)
{
	const struct img_ref words = c->m->machine.cpu_features;
	struct cpu_features here, there = { 0 };
	char names[200] = "";
	size_t used = 0;

	if (!words.len)
		return;
	cpu_features_read(&here);
	memcpy(&there, model_bytes(c->m, words),
	       words.len < sizeof(there) ? words.len : sizeof(there));
	for (size_t w = 0; w < CPU_WORDS; w++)
		for (unsigned int bit = 0; bit < 32; bit++) {
			const char *name = cpu_feature_name(w, bit);

			if (name && (there.word[w] & ~here.word[w]) >> bit & 1)
				used += text_format(names + used, sizeof(names) - used, " %s",
						    name);
		}
	if (used)
		check_say(c, ENOTSUP, "this CPU lacks what the program may use (it ran on %s):%s",
			  model_string(c->m, c->m->machine.cpu_model), names);
	else if (c->m->machine.xfeatures & ~cpu_xfeatures())
		check_say(c, ENOTSUP, "this CPU or kernel lacks register state 0x%llx",
			  (unsigned long long)(c->m->machine.xfeatures & ~cpu_xfeatures()));
}

static void check_unchanged(struct check *c, const char *path, uint64_t size, int64_t mtime_ns)
{
	struct stat st;

	if (stat(path, &st) < 0)
		check_say(c, errno, "'%s' is missing (%s)", path, err_text(errno));
	else if ((uint64_t)st.st_size != size ||
		 st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec != mtime_ns)
		check_say(c, ESTALE, "'%s' has changed since the checkpoint", path);
}

static bool check_writes(const struct model *m, const struct img_file *f)
{
	for (size_t i = 0; i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];
		const struct img_file *mapped =
			v->flags & IMG_VMA_SHARED ? model_file(m, v->file) : NULL;

		if (mapped && mapped->dev == f->dev && mapped->ino == f->ino &&
		    (mapped == f || v->prot & PROT_WRITE))
			return true;
	}
	return false;
}

/* Does a mapping of any process write to the file? Then its contents are what they are. */
static bool check_written(const struct check *c, const struct img_file *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (check_writes(image_reader_model(c->images[i]), f))
			return true;
	return false;
}

/* The restart makes it itself: its contents are here, or in other processes' images. */
static bool check_will_be(const struct check *c, const struct img_file *f)
{
	if (f->flags & (IMG_FILE_SAVED | IMG_FILE_MEMORY))
		return true;
	for (size_t i = 0; i < c->n; i++) {
		const struct model *m = image_reader_model(c->images[i]);

		for (size_t k = 0; k < m->files.n; k++)
			if (m->files.at[k].flags & IMG_FILE_MEMORY &&
			    m->files.at[k].dev == f->dev && m->files.at[k].ino == f->ino)
				return true;
	}
	return false;
}

static void check_mapped(struct check *c, const struct img_file *f)
{
	const char *path = model_string(c->m, f->path);

	if (f->flags & IMG_FILE_DELETED || check_will_be(c, f))
		return;
	if (text_equal(path, model_string(c->m, c->m->process.exe)))
		return; /* said already */
	if (!check_written(c, f))
		check_unchanged(c, path, f->size, f->mtime_ns);
	else if (access(path, F_OK) < 0)
		check_say(c, errno, "mapped file '%s' is missing (%s)", path, err_text(errno));
}

static void check_opened(struct check *c, const struct img_file *f)
{
	const char *path = model_string(c->m, f->path);
	struct stat st;

	if (f->flags & IMG_FILE_DELETED || res_proc_pid(path))
		return;
	if (stat(path, &st) < 0 && errno == ENOENT && check_will_be(c, f))
		return;
	if (stat(path, &st) < 0)
		check_say(c, errno, "'%s' is missing (%s)", path, err_text(errno));
	else if (f->flags & IMG_FILE_ROLLBACK && !(f->flags & IMG_FILE_SAVED) &&
		 (uint64_t)st.st_size < f->size)
		check_say(c, ESTALE,
			  "'%s' has only %lld of the %llu bytes it had at the checkpoint", path,
			  (long long)st.st_size, (unsigned long long)f->size);
}

static void check_address(struct check *c, const struct img_file *f)
{
	struct err why = ERR_INIT;

	if (res_check_address(c->m, f, &why) < 0)
		check_say(c, why.num, "%s", why.msg);
}

static void check_files(struct check *c)
{
	for (size_t i = 0; i < c->m->files.n; i++) {
		const struct img_file *f = &c->m->files.at[i];

		if (f->std_stream >= 0)
			continue;
		if (f->kind == IMG_F_MAPPED)
			check_mapped(c, f);
		else if (f->kind == IMG_F_REG || f->kind == IMG_F_DIR || f->kind == IMG_F_CHR ||
			 f->kind == IMG_F_NAMED)
			check_opened(c, f);
		else if (f->kind == IMG_F_INET)
			check_address(c, f);
	}
}

static void check_seccomp(struct check *c)
{
	for (size_t i = 0; i < c->m->threads.n; i++)
		if (c->m->threads.at[i].flags & IMG_THREAD_SECCOMP) {
			check_say(c, ENOTSUP,
				  "thread %d ran under a seccomp filter, which cannot be restored",
				  c->m->threads.at[i].tid);
			return;
		}
}

static int check_image(struct image_reader *const *images, size_t n, size_t at, struct err *err)
{
	const struct model *m = image_reader_model(images[at]);
	struct check c = { .images = images, .n = n, .m = m, .err = err };
	const struct img_process *p = &m->process;

	if (p->flags & IMG_PROC_ZOMBIE)
		return 0; /* needs nothing */
	if (!m->threads.n)
		return err_say(err, EBADMSG, "process %d has no threads", p->pid);
	check_cpu(&c);
	check_seccomp(&c);
	if (p->exe.len && p->exe_mtime_ns && !p->exe_data.len)
		check_unchanged(&c, model_string(m, p->exe), p->exe_size, p->exe_mtime_ns);
	check_files(&c);
	if (p->cwd.len && access(model_string(m, p->cwd), X_OK) < 0 &&
	    !(errno == ENOENT && text_ends(model_string(m, p->cwd), " (deleted)")))
		check_say(&c, errno, "working directory '%s': %s", model_string(m, p->cwd),
			  err_text(errno));
	return c.wrong ? -err->num : 0;
}

int restart_check(struct image_reader *const *images, size_t n,
		  const struct restart_options *options, struct err *err)
{
	(void)options;
	if (!n)
		return err_say(err, EBADMSG, "no process in this generation");
	for (size_t i = 0; i < n; i++) {
		const struct model *m = image_reader_model(images[i]);
		int rc = check_image(images, n, i, err);

		if (rc < 0)
			return n > 1 ? err_add(err, "process %d", m->process.pid) : rc;
	}
	return 0;
}
