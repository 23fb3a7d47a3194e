/* SPDX-License-Identifier: Apache-2.0 */
/* Can these images run here? Everything that is wrong is told, as far as a message has room. */
#include "arch/cpu.h"
#include "base/owned.h"
#include "base/sys.h"
#include "base/text.h"
#include "contract/probe_abi.h"
#include "host/proc.h"
#include "res/res.h"
#include "restart/rebuild.h"
#include "restart/restart.h"
#include "trace/suspend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that processes share memory by. */
struct check_file {
	uint64_t dev, ino;
	bool memory; /* the restart makes it, with what stands in the images */
	bool written; /* through a mapping: then its contents are what they are */
};

/* What is the same for all images, and looked at once. */
struct check_common {
	struct cpu_features cpu;
	MODEL_ARRAY(struct check_file) files;
};

struct check {
	const struct check_common *common;
	const struct model *m;
	struct err *err;
	size_t used; /* of err->msg */
	unsigned int wrong;
	bool uring; /* what is wrong with one has been said */
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
	struct cpu_features there = { 0 };
	char names[200] = "";
	size_t used = 0;

	if (!words.len)
		return;
	memcpy(&there, model_bytes(c->m, words),
	       words.len < sizeof(there) ? words.len : sizeof(there));
	for (size_t w = 0; w < CPU_WORDS; w++)
		for (unsigned int bit = 0; bit < 32; bit++) {
			const char *name = cpu_feature_name(w, bit);

			if (name && (there.word[w] & ~c->common->cpu.word[w]) >> bit & 1)
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

static struct check_file *check_find(const struct check_common *common, const struct img_file *f)
{
	for (size_t i = 0; i < common->files.n; i++)
		if (common->files.at[i].dev == f->dev && common->files.at[i].ino == f->ino)
			return &common->files.at[i];
	return NULL;
}

static bool check_note(struct check_common *common, const struct img_file *f, bool written)
{
	struct check_file *known = check_find(common, f);

	if (!known) {
		known = model_add(&common->files);
		if (!known)
			return false;
		*known = (struct check_file){ .dev = f->dev, .ino = f->ino };
	}
	known->written |= written;
	known->memory |= f->flags & IMG_FILE_MEMORY;
	return true;
}

static bool check_note_all(struct check_common *common, const struct model *m)
{
	bool noted = true;

	for (size_t i = 0; noted && i < m->files.n; i++)
		if (m->files.at[i].flags & IMG_FILE_MEMORY)
			noted = check_note(common, &m->files.at[i], false);
	for (size_t i = 0; noted && i < m->vmas.n; i++) {
		const struct img_vma *v = &m->vmas.at[i];
		const struct img_file *f = v->flags & IMG_VMA_SHARED && v->prot & PROT_WRITE
						   ? model_file(m, v->file)
						   : NULL;

		if (f)
			noted = check_note(common, f, true);
	}
	return noted;
}

/* Does a mapping of any process write to the file, or might one of this process? */
static bool check_written(const struct check *c, const struct img_file *f)
{
	const struct check_file *known = check_find(c->common, f);

	for (size_t i = 0; i < c->m->vmas.n; i++)
		if (c->m->vmas.at[i].flags & IMG_VMA_SHARED && c->m->vmas.at[i].file == f->id)
			return true;
	return known && known->written;
}

/* What was open as a link (O_PATH) must be one, wherever it leads to; one that is gone is made anew. */
static void check_link(struct check *c, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		if (errno != ENOENT)
			check_say(c, errno, "'%s' cannot be seen (%s)", path, err_text(errno));
	} else if (!S_ISLNK(st.st_mode)) {
		check_say(c, ESTALE, "'%s' is no symbolic link any more", path);
	}
}

/* The restart makes it itself: its contents are here, or in other processes' images. */
static bool check_will_be(const struct check *c, const struct img_file *f)
{
	const struct check_file *known = check_find(c->common, f);

	return f->flags & IMG_FILE_SAVED || (known && known->memory);
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
	if (S_ISLNK(f->mode) && f->data.len) {
		check_link(c, path);
		return;
	}
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

/* What many lack is said once. */
static void check_address(struct check *c, const struct img_file *f)
{
	struct err why = ERR_INIT;

	int rc = f->kind == IMG_F_PACKET ? res_check_packet(c->m, f, &why)
					 : res_check_address(c->m, f, &why);

	if (rc < 0 && !strstr(c->err->msg, why.msg))
		check_say(c, why.num, "%s", why.msg);
}

/* Its rings are mapped where nothing else is free (rebuild_uring.c). */
static void check_room(struct check *c)
{
	struct rlimit space, stack;

	if (!rebuild_has_urings(c->m) || getrlimit(RLIMIT_AS, &space) < 0 ||
	    getrlimit(RLIMIT_STACK, &stack) < 0)
		return;
	if (space.rlim_cur != RLIM_INFINITY)
		check_say(c, ENOMEM,
			  "it has an io_uring, which can be mapped again only where address space "
			  "has "
			  "no limit (ulimit -v unlimited)");
	if (stack.rlim_cur == RLIM_INFINITY)
		check_say(
			c, ENOMEM,
			"it has an io_uring, which can be mapped again only where the stack has a "
			"limit (ulimit -S -s 8192; the program gets its own back)");
}

static void check_uring(struct check *c, const struct img_file *f)
{
	struct err why = ERR_INIT;

	if (c->uring)
		return;
	if (res_check_uring(c->m, f, &why) >= 0) {
		check_room(c);
		c->uring = true;
		return;
	}
	c->uring = true;
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
		else if (f->kind == IMG_F_INET || f->kind == IMG_F_PACKET)
			check_address(c, f);
		else if (f->kind == IMG_F_URING)
			check_uring(c, f);
	}
}

/* Images had none of the filters once; they were refused then. */
static void check_seccomp(struct check *c)
{
	for (size_t i = 0; i < c->m->threads.n; i++) {
		const struct img_thread *t = &c->m->threads.at[i];

		if (!(t->flags & IMG_THREAD_SECCOMP))
			continue;
		if (t->seccomp_mode == SECCOMP_MODE_FILTER && !t->filter)
			check_say(c, ENOTSUP,
				  "thread %d ran under a seccomp filter, which is not in the image",
				  t->tid);
		else if (!suspend_allowed())
			check_say(c, EPERM,
				  "thread %d ran under seccomp, which only " SUSPEND_WHO
				  " can put back",
				  t->tid);
		else
			continue;
		return;
	}
}

/* Has this user namespace such an id? @map: uid_map or gid_map of /proc/self */
static bool check_has_id(const char *map, uint32_t id)
{
	unsigned int inside, outside, count;
	FILE *f = fopen(map, "re");
	bool has = false;

	while (f && !has && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		has = id - inside < count;
	if (f)
		fclose(f);
	return has;
}

/* May we take all of @wanted, being @now? */
static bool check_ids(const uint32_t wanted[4], const uint32_t now[3], bool may_set,
		      const char *map)
{
	for (size_t i = 0; i < 4; i++)
		if (wanted[i] != now[0] && wanted[i] != now[1] && wanted[i] != now[2] &&
		    !(may_set && check_has_id(map, wanted[i])))
			return false;
	return true;
}

static bool check_may_be(const uint32_t wanted_uid[4], const uint32_t wanted_gid[4],
			 const uint32_t uid[3], const uint32_t gid[3])
{
	return check_ids(wanted_uid, uid, proc_has_cap(CAP_SETUID), "/proc/self/uid_map") &&
	       check_ids(wanted_gid, gid, proc_has_cap(CAP_SETGID), "/proc/self/gid_map");
}

/* A container's root is another user outside of it, and may be unknown there. */
static void check_owner(struct check *c)
{
	const struct img_process *p = &c->m->process;
	uint32_t uid[3], gid[3];

	getresuid(&uid[0], &uid[1], &uid[2]);
	getresgid(&gid[0], &gid[1], &gid[2]);
	if (check_may_be(p->uid, p->gid, uid, gid)) {
		for (size_t i = 0; i < c->m->creds.n; i++)
			if (!check_may_be(c->m->creds.at[i].uid, c->m->creds.at[i].gid, uid, gid))
				check_say(
					c, EPERM,
					"its thread %d ran as user %u of group %u, which cannot be "
					"had here: restart it as root",
					c->m->creds.at[i].tid, c->m->creds.at[i].uid[1],
					c->m->creds.at[i].gid[1]);
		return;
	}
	check_say(c, EPERM,
		  "it ran as user %u of group %u, which user %u of group %u cannot become here: "
		  "restart it as "
		  "that user, in a container if it was the user of one (with podman's --userns "
		  "keep-id users "
		  "are the same inside and outside)",
		  p->uid[1], p->gid[1], uid[1], gid[1]);
}

/* A machine with more CPUs makes larger ones; and there may be no more of them than the system allows. */
static void check_aio(struct check *c, uint32_t nr)
{
	uint64_t context = 0;
	long rc = sys2(__NR_io_setup, img_aio_ask(nr), &context);

	if (rc < 0)
		check_say(c, (int)-rc,
			  "it has an AIO context of %u events, which cannot be made here (%s; see "
			  "/proc/sys/fs/aio-max-nr)",
			  nr, err_text((int)-rc));
	else if (((const struct probe_aio_ring *)context)->nr != nr)
		check_say(c, ENOTSUP,
			  "it has an AIO context of %u events, and this machine, with more CPUs, "
			  "makes none that small",
			  nr);
	if (rc >= 0)
		sys1(__NR_io_destroy, context);
}

static void check_aios(struct check *c)
{
	for (size_t i = 0; i < c->m->aios.n; i++)
		if (!i || c->m->aios.at[i].nr != c->m->aios.at[i - 1].nr)
			check_aio(c, c->m->aios.at[i].nr);
}

static int check_image(const struct check_common *common, const struct model *m, struct err *err)
{
	struct check c = { .common = common, .m = m, .err = err };
	const struct img_process *p = &m->process;

	if (p->flags & IMG_PROC_ZOMBIE)
		return 0; /* needs nothing */
	if (!m->threads.n)
		return err_say(err, EBADMSG, "process %d has no threads", p->pid);
	check_cpu(&c);
	check_owner(&c);
	check_seccomp(&c);
	check_aios(&c);
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
	struct check_common common = { 0 };
	int rc = 0;

	(void)options;
	if (!n)
		return err_say(err, EBADMSG, "no process in this generation");
	cpu_features_read(&common.cpu);
	for (size_t i = 0; rc >= 0 && i < n; i++)
		if (!check_note_all(&common, image_reader_model(images[i])))
			rc = err_set(err, ENOMEM, "check the images");
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		const struct model *m = image_reader_model(images[i]);

		rc = check_image(&common, m, err);
		if (rc < 0 && n > 1)
			err_add(err, "process %d", m->process.pid);
	}
	free(common.files.at);
	return rc;
}
