/* SPDX-License-Identifier: Apache-2.0 */
/* Pages that stand in the image of another process: found there, and missed where that is not what it was. */
#include "unit.h"

#include "image_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

enum { COMMON_FIRST = 10, COMMON_PAGES = 4 };

static char dir_path[SAMPLE_PATH_MAX];
static int dirfd;

static const char *name_of(int pid)
{
	static char names[3][16];
	char *name = names[pid % 3];

	snprintf(name, sizeof(names[0]), "%d.img", pid);
	return name;
}

static uint64_t page_at(int page)
{
	return SAMPLE_ADDR + (uint64_t)page * SAMPLE_PAGE;
}

/* The image of @pid: all pages that @base does not hold, which are those from @own on. */
static void write_image(int pid, const struct image_base *base, int own, struct image_base *kept)
{
	struct image_writer_options options = { .codec = IMG_CODEC_ZSTD, .base = base };
	struct img_run run = { .addr = page_at(own),
			       .len = (uint32_t)(COMMON_PAGES - own) * SAMPLE_PAGE };
	struct image_writer *w;
	struct image_worker *k;
	struct err err = ERR_INIT;
	struct model m;
	uint64_t size;

	sample_model(&m);
	m.process.pid = m.threads.at[0].tid = pid;
	CHECK_INT(image_writer_open(&w, dirfd, name_of(pid), &options, &err), 0);
	CHECK_INT(image_worker_open(&k, w, &err), 0);
	for (int i = own; i < COMMON_PAGES; i++)
		sample_fill((uint8_t *)image_worker_buffer(k) + (i - own) * SAMPLE_PAGE,
			    (uint64_t)(pid * 100 + i));
	CHECK_INT(image_worker_put(k, &run, 1, run.len, &err), 0);
	for (size_t i = 0; base && i < base->index.runs.n; i++) {
		struct img_run held = base->index.runs.at[i];

		if (held.addr >= page_at(own))
			continue;
		if (held.addr + held.len > page_at(own))
			held.len = (uint32_t)(page_at(own) - held.addr);
		CHECK_INT(image_writer_refer(w, &held, 1, &err), 0);
	}
	CHECK_INT(image_writer_finish(w, &m, &size, &err), 0);
	CHECK_STR(err.msg, "");
	image_worker_close(k);
	if (kept) {
		kept->pid = pid;
		image_writer_take_index(w, &kept->index);
	}
	image_writer_close(w);
	model_done(&m);
}

/* Each of three processes has one page more of its own than the one it was forked from. */
static void write_images(void)
{
	struct image_base first = { 0 }, second = { 0 };

	write_image(COMMON_FIRST, NULL, 0, &first);
	write_image(COMMON_FIRST + 1, &first, 2, &second);
	write_image(COMMON_FIRST + 2, &second, 3, NULL);
	model_done(&first.index);
	model_done(&second.index);
}

/* Page @i of the last process comes from it, or from one of those before. */
static void check_page(struct image_reader *r, struct image_decoder *d, int page, int from)
{
	const struct model *m = image_reader_model(r);
	uint8_t want[SAMPLE_PAGE];
	struct err err = ERR_INIT;
	const void *raw;
	size_t i = 0;

	while (i + 1 < m->runs.n && m->runs.at[i].addr + m->runs.at[i].len <= page_at(page))
		i++;
	CHECK_INT(m->chunks.at[m->runs.at[i].chunk].source,
		  from == m->process.pid ? 0 : (unsigned int)from);
	sample_fill(want, (uint64_t)(from * 100 + page));
	if (CHECK_INT(image_decoder_chunk(d, m->runs.at[i].chunk, &raw, &err), 0))
		CHECK(!memcmp((const uint8_t *)raw + m->runs.at[i].offset +
				      (page_at(page) - m->runs.at[i].addr),
			      want, sizeof(want)));
}

static void check_good(void)
{
	struct image_reader *r;
	struct image_decoder *d;
	struct err err = ERR_INIT;

	for (int pid = COMMON_FIRST; pid < COMMON_FIRST + 3; pid++) {
		if (!CHECK_INT(image_reader_open(&r, dirfd, name_of(pid), &err), 0))
			continue;
		CHECK_INT(image_reader_verify(r, 2, &err), 0);
		CHECK_INT(image_decoder_open(&d, r, &err), 0);
		for (int i = 0; i < COMMON_PAGES; i++)
			check_page(r, d, i,
				   COMMON_FIRST + (i < 2 ? 0
						   : i - 1 < pid - COMMON_FIRST
							   ? i - 1
							   : pid - COMMON_FIRST));
		image_decoder_close(d);
		image_reader_close(r);
	}
	CHECK_STR(err.msg, "");
}

/* The last image, opened and verified: fails so, and names @word. */
static void refuse(bool opens, int rc, const char *word)
{
	const char *name = name_of(COMMON_FIRST + 2);
	struct image_reader *r;
	struct err err = ERR_INIT;
	int got = image_reader_open(&r, dirfd, name, &err);

	if (!CHECK_INT(got, opens ? 0 : rc) || got < 0) {
		CHECK(strstr(err.msg, word) && strstr(err.msg, name_of(COMMON_FIRST)));
		return;
	}
	CHECK_INT(image_reader_verify(r, 2, &err), rc);
	CHECK(strstr(err.msg, word));
	image_reader_close(r);
}

/* A chunk that is not what it was is not given out. */
static void check_flipped(void)
{
	const char *name = name_of(COMMON_FIRST);
	int fd = openat(dirfd, name, O_RDWR | O_CLOEXEC);
	struct image_reader *r;
	struct image_decoder *d;
	struct err err = ERR_INIT;
	const void *raw;
	uint8_t byte;

	CHECK_INT(pread(fd, &byte, 1, IMG_CHUNK_ALIGN), 1);
	byte ^= 1;
	CHECK_INT(pwrite(fd, &byte, 1, IMG_CHUNK_ALIGN), 1);
	CHECK_INT(image_reader_open(&r, dirfd, name_of(COMMON_FIRST + 2), &err), 0);
	CHECK_INT(image_decoder_open(&d, r, &err), 0);
	for (size_t i = 0; i < image_reader_model(r)->chunks.n; i++) {
		bool here = image_reader_model(r)->chunks.at[i].source != COMMON_FIRST;

		err = (struct err)ERR_INIT;
		CHECK_INT(image_decoder_chunk(d, i, &raw, &err), here ? 0 : -EBADMSG);
		CHECK(here || strstr(err.msg, name));
	}
	image_decoder_close(d);
	image_reader_close(r);
	byte ^= 1;
	CHECK_INT(pwrite(fd, &byte, 1, IMG_CHUNK_ALIGN), 1);
	close(fd);
}

static void check_bad(void)
{
	const char *name = name_of(COMMON_FIRST);

	check_flipped();
	CHECK(!renameat(dirfd, name, dirfd, "away"));
	refuse(false, -ENOENT, "pages of");
	CHECK(!mkfifoat(dirfd, name, 0600));
	refuse(false, -EINVAL, "no regular file");
	CHECK(!unlinkat(dirfd, name, 0));
	close(openat(dirfd, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refuse(true, -EBADMSG, name);
	CHECK(!unlinkat(dirfd, name, 0));
	write_image(COMMON_FIRST, NULL, 1, NULL); /* a good image, but another */
	refuse(true, -EBADMSG, "is not in image");
	CHECK(!renameat(dirfd, "away", dirfd, name));
	check_good();
}

int main(void)
{
	if (sample_dir(dir_path) < 0 || (dirfd = open(dir_path, O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	write_images();
	check_good();
	check_bad();
	for (int pid = COMMON_FIRST; pid < COMMON_FIRST + 3; pid++)
		unlinkat(dirfd, name_of(pid), 0);
	close(dirfd);
	CHECK(!rmdir(dir_path));
	return unit_result();
}
