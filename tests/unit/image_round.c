/* SPDX-License-Identifier: Apache-2.0 */
/* What the writer wrote, the reader gives back: every table, every page, from several threads. */
#include "unit.h"

#include "image_sample.h"

#include "image/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

enum { ROUND_THREADS = 4, ROUND_CHUNKS = 40, ROUND_CHUNK_PAGES = 16 };

static char dir_path[SAMPLE_PATH_MAX];
static int dirfd;

static uint64_t round_addr(uint64_t chunk)
{
	return 0x100000000 + chunk * ROUND_CHUNK_PAGES * SAMPLE_PAGE * 2;
}

/* Text in even chunks, random bytes in every third. */
static void round_fill(uint8_t *bytes, uint64_t chunk)
{
	for (uint64_t i = 0; i < ROUND_CHUNK_PAGES; i++)
		if (chunk % 3)
			sample_fill(bytes + i * SAMPLE_PAGE, chunk * 31 + i);
		else
			sample_fill_random(bytes + i * SAMPLE_PAGE, chunk * 31 + i);
}

struct round_thread {
	struct image_writer *w;
	uint64_t first;
	int rc;
	struct err err;
};

/* Its chunks from the highest address down: the index must come out sorted. */
static void *round_work(void *arg)
{
	struct round_thread *t = arg;
	struct image_worker *k = NULL;
	int rc = image_worker_open(&k, t->w, &t->err);

	for (uint64_t i = ROUND_CHUNKS; rc >= 0 && i-- > 0;) {
		uint64_t chunk = t->first + i;
		uint32_t half = ROUND_CHUNK_PAGES / 2 * SAMPLE_PAGE;
		struct img_run runs[2] = {
			{ .addr = round_addr(chunk), .len = half },
			{ .addr = round_addr(chunk) + half, .len = half, .offset = half },
		};

		round_fill(image_worker_buffer(k), chunk);
		rc = image_worker_put(k, runs, 2, ROUND_CHUNK_PAGES * SAMPLE_PAGE, &t->err);
	}
	image_worker_close(k);
	t->rc = rc;
	return NULL;
}

static void round_add_vmas(struct model *m)
{
	struct img_vma vsyscall = m->vmas.at[--m->vmas.n];

	for (uint64_t i = 0; i < ROUND_THREADS * ROUND_CHUNKS; i++)
		*(struct img_vma *)model_add(&m->vmas) = (struct img_vma){
			.start = round_addr(i),
			.end = round_addr(i) + ROUND_CHUNK_PAGES * SAMPLE_PAGE,
			.prot = PROT_READ,
			.kind = IMG_VMA_ANON,
		};
	*(struct img_vma *)model_add(&m->vmas) = vsyscall;
}

static int round_write(const char *name, enum img_codec codec, bool direct, struct model *m)
{
	struct image_writer_options options = { .codec = codec, .direct = direct };
	struct round_thread work[ROUND_THREADS] = { 0 };
	pthread_t thread[ROUND_THREADS];
	struct image_writer *w;
	struct err err = ERR_INIT;
	uint64_t size, raw, stored;
	struct stat st;
	int rc = image_writer_open(&w, dirfd, name, &options, &err);

	if (!CHECK_INT(rc, 0))
		return rc;
	for (int i = 0; i < ROUND_THREADS; i++) {
		work[i].w = w;
		work[i].first = (uint64_t)i * ROUND_CHUNKS;
		pthread_create(&thread[i], NULL, round_work, &work[i]);
	}
	for (int i = 0; i < ROUND_THREADS; i++) {
		pthread_join(thread[i], NULL);
		CHECK_INT(work[i].rc, 0);
		CHECK_STR(work[i].err.msg, "");
	}
	image_writer_progress(w, &raw, &stored);
	CHECK_INT(raw, ROUND_THREADS * ROUND_CHUNKS * ROUND_CHUNK_PAGES * SAMPLE_PAGE);
	CHECK(codec == IMG_CODEC_NONE ? stored == raw : stored < raw);
	rc = image_writer_finish(w, m, &size, &err);
	CHECK_STR(err.msg, "");
	CHECK(!fstatat(dirfd, name, &st, 0) && (uint64_t)st.st_size == size);
	CHECK_INT(st.st_mode & 0777, 0600);
	image_writer_close(w);
	return rc;
}

static void check_tables(const struct model *got, const struct model *want)
{
	for (size_t i = 0; i < TABLES_MAX; i++) {
		const struct tables_kind *kind = &tables_kinds[i];
		size_t a, b;
		const void *x = tables_records(kind, got, &a), *y = tables_records(kind, want, &b);

		if (kind->table == IMG_T_RUNS || kind->table == IMG_T_CHUNKS)
			continue;
		if (!CHECK_INT(a, b) || (a && !CHECK(!memcmp(x, y, a * kind->record_size))))
			fprintf(stderr, "\tin table %s\n", kind->name);
	}
}

static void check_pages(struct image_reader *r)
{
	static uint8_t want[ROUND_CHUNK_PAGES * SAMPLE_PAGE];
	const struct model *m = image_reader_model(r);
	struct image_decoder *d;
	struct err err = ERR_INIT;

	CHECK_INT(m->runs.n, ROUND_THREADS * ROUND_CHUNKS); /* two adjacent runs became one */
	CHECK_INT(m->chunks.n, ROUND_THREADS * ROUND_CHUNKS);
	CHECK_INT(image_decoder_open(&d, r, &err), 0);
	for (size_t i = 0; i < m->runs.n; i++) {
		const struct img_run *run = &m->runs.at[i];
		const void *raw;

		CHECK_INT(run->addr, round_addr(i));
		CHECK_INT(run->len, sizeof(want));
		if (!CHECK_INT(image_decoder_chunk(d, run->chunk, &raw, &err), 0))
			break;
		round_fill(want, i);
		CHECK(!memcmp((const uint8_t *)raw + run->offset, want, run->len));
	}
	image_decoder_close(d);
}

static void check_round(const char *name, enum img_codec codec, bool direct)
{
	struct image_reader *r;
	struct err err = ERR_INIT;
	struct model m;
	size_t plain = 0;

	sample_model(&m);
	round_add_vmas(&m);
	if (!round_write(name, codec, direct, &m) &&
	    CHECK_INT(image_reader_open(&r, dirfd, name, &err), 0)) {
		const struct model *got = image_reader_model(r);

		check_tables(got, &m);
		check_pages(r);
		for (size_t i = 0; i < got->chunks.n; i++)
			plain += got->chunks.at[i].codec == IMG_CODEC_NONE;
		CHECK_INT(plain, codec == IMG_CODEC_NONE ? got->chunks.n : (got->chunks.n + 2) / 3);
		CHECK_INT(image_reader_verify(r, 3, &err), 0);
		image_reader_close(r);
	}
	CHECK_STR(err.msg, "");
	model_done(&m);
	unlinkat(dirfd, name, 0);
}

/* A process that has ended and was not waited for: no thread, no page. */
static void check_zombie(void)
{
	struct image_writer_options options = { .codec = IMG_CODEC_ZSTD };
	struct image_writer *w;
	struct image_reader *r;
	struct err err = ERR_INIT;
	struct model m;
	uint64_t size;

	model_init(&m);
	m.process.pid = 7;
	CHECK_INT(image_writer_open(&w, dirfd, "zombie", &options, &err), 0);
	CHECK_INT(image_writer_finish(w, &m, &size, &err), -EBADMSG); /* alive without a thread */
	image_writer_close(w);
	CHECK_INT(image_reader_open(&r, dirfd, "zombie", &err), -EBADMSG);
	CHECK_INT(image_writer_open(&w, dirfd, "zombie", &options, &err), -EEXIST);
	unlinkat(dirfd, "zombie", 0);
	m.process.flags = IMG_PROC_ZOMBIE;
	CHECK_INT(image_writer_open(&w, dirfd, "zombie", &options, &err), 0);
	CHECK_INT(image_writer_finish(w, &m, &size, &err), 0);
	image_writer_close(w);
	CHECK_INT(image_reader_open(&r, dirfd, "zombie", &err), 0);
	CHECK_INT(image_reader_verify(r, 0, &err), 0);
	image_reader_close(r);
	unlinkat(dirfd, "zombie", 0);
	model_done(&m);
}

/* A writer that is given up leaves what no reader takes, whatever had been written by then. */
static void check_given_up(void)
{
	struct image_writer_options options = { .codec = IMG_CODEC_NONE };
	struct img_run run = { .addr = SAMPLE_ADDR, .len = SAMPLE_PAGE };
	struct image_writer *w;
	struct image_worker *k;
	struct image_reader *r;
	struct err err = ERR_INIT;

	CHECK_INT(image_writer_open(&w, dirfd, "part", &options, &err), 0);
	CHECK_INT(image_worker_open(&k, w, &err), 0);
	CHECK_INT(image_worker_put(k, &run, 1, SAMPLE_PAGE + 1, &err), -EINVAL);
	CHECK_INT(image_worker_put(k, &run, 0, SAMPLE_PAGE, &err), -EINVAL);
	sample_fill(image_worker_buffer(k), 1);
	CHECK_INT(image_worker_put(k, &run, 1, SAMPLE_PAGE, &err), 0);
	image_worker_close(k);
	image_writer_close(w);
	CHECK_INT(image_reader_open(&r, dirfd, "part", &err), -EBADMSG);
	CHECK(!r);
	unlinkat(dirfd, "part", 0);
}

int main(void)
{
	if (sample_dir(dir_path) < 0 || (dirfd = open(dir_path, O_DIRECTORY | O_CLOEXEC)) < 0)
		return 1;
	check_round("plain", IMG_CODEC_NONE, false);
	check_round("zstd", IMG_CODEC_ZSTD, false);
	check_round("direct", IMG_CODEC_NONE, true);
	check_round("direct-zstd", IMG_CODEC_ZSTD, true);
	check_zombie();
	check_given_up();
	close(dirfd);
	CHECK(!rmdir(dir_path));
	return unit_result();
}
