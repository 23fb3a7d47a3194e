/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images that another version wrote, and those that somebody made by hand: what can be read is
 * read, what cannot is refused with a reason, and consistent nonsense is found out.
 */
#include "unit.h"

#include "image_craft.h"
#include "image_sample.h"

#include "image/tables.h"

#include <errno.h>
#include <fcntl.h>

static char sample_path[SAMPLE_PATH_MAX + 8];
static char memfd_path[64];
static int memfd;

static struct craft *begin(void)
{
	static struct craft c;

	craft_free(&c);
	craft_load(&c, sample_path);
	return &c;
}

/* Open what @c holds now, as it is; with @verify every byte. */
static int look(const struct craft *c, bool verify, struct image_reader **r, struct err *err)
{
	int rc;

	*err = ERR_INIT;
	craft_store(c, memfd);
	rc = image_reader_open(r, AT_FDCWD, memfd_path, err);
	if (rc >= 0 && verify)
		rc = image_reader_verify(*r, 1, err);
	return rc;
}

/* Seal, open, verify: the result must be @rc, with @word in the message. */
static void expect(struct craft *c, int rc, const char *word)
{
	struct image_reader *r;
	struct err err;

	craft_seal(c);
	if (!CHECK_INT(look(c, true, &r, &err), rc) || (word && !strstr(err.msg, word))) {
		fprintf(stderr, "\t%s\n\tnot: %s\n", word ? word : "", err.msg);
		unit_failures += word && !strstr(err.msg, word);
	}
	image_reader_close(r);
}

static struct img_header *header(struct craft *c)
{
	return (void *)c->bytes;
}

static void check_header(void)
{
	struct craft *c = begin();

	expect(c, 0, NULL);
	header(c)->version = IMG_VERSION + 1;
	expect(c, -EPROTO, "written by a newer Cairn");
	header(c)->version = 0;
	expect(c, -EBADMSG, "no version");
	c = begin();
	header(c)->arch = 183;
	expect(c, -EPROTO, "another kind of machine");
	c = begin();
	header(c)->page_size = 3000;
	expect(c, -EBADMSG, "page size");
	header(c)->page_size = 16384; /* what stands in it is aligned to 4096 only */
	expect(c, -EBADMSG, NULL);
}

/* A longer header belongs to a newer writer: the rest is skipped, but summed. */
static void check_long_header(void)
{
	struct craft *c = begin();
	struct image_reader *r;
	struct err err;

	header(c)->header_size = 3000;
	c->bytes[2999] = 7;
	expect(c, 0, NULL);
	c->bytes[2000] = 1;
	CHECK_INT(look(c, true, &r, &err), -EBADMSG);
	image_reader_close(r);
	c = begin();
	header(c)->header_size = IMG_CHUNK_ALIGN;
	expect(c, 0, NULL);
	header(c)->header_size = 56;
	expect(c, -EBADMSG, "size of the header");
	header(c)->header_size = 68;
	expect(c, -EBADMSG, "size of the header");
}

static void check_unknown_tables(void)
{
	struct craft *c = begin();
	struct craft_table *t;
	struct image_reader *r;
	struct err err;

	craft_add(c, 77, 16, 3);
	expect(c, -EPROTO, "table number 77");
	c = begin();
	t = craft_add(c, IMG_T_OPTIONAL + 5, 16, 3);
	memset(t->bytes, 0x11, 48);
	expect(c, 0, NULL);
	c->bytes[t->d.offset + 40] ^= 1;
	CHECK_INT(look(c, true, &r, &err), -EBADMSG);
	CHECK(strstr(err.msg, "table 32773") != NULL);
	image_reader_close(r);
	c = begin();
	craft_add(c, IMG_T_OPTIONAL + 5, 16, 3);
	craft_add(c, IMG_T_OPTIONAL + 5, 16, 3);
	expect(c, -EBADMSG, "twice");
}

/* Records that have grown since, and records as they were before they grew. */
static void check_record_sizes(void)
{
	struct image_reader *r;
	struct err err;

	for (size_t i = 0; i < TABLES_MAX; i++) {
		const struct tables_kind *kind = &tables_kinds[i];
		struct craft *c = begin();
		struct craft_table *t = craft_find(c, kind->table);

		if (!t || kind->table == IMG_T_DATA)
			continue;
		craft_resize(t, kind->record_size + 24);
		expect(c, 0, NULL);
		craft_resize(t, kind->least_size - 4);
		expect(c, -EBADMSG, kind->name);
	}
	struct craft *c = begin();

	craft_resize(craft_find(c, IMG_T_FDS), sizeof(struct img_fd) + 8);
	craft_seal(c);
	if (CHECK_INT(look(c, false, &r, &err), 0)) {
		CHECK_INT(image_reader_model(r)->fds.n, 2);
		CHECK_INT(image_reader_model(r)->fds.at[1].fd, 5);
		CHECK_INT(image_reader_model(r)->fds.at[1].reserved, 0);
	}
	image_reader_close(r);
}

/* Filters on top of those that come before them, and of nothing else. */
static void check_filters(void)
{
	static const struct {
		struct img_seccomp at[2];
		int rc;
	} cases[] = {
		{ { { 0, 0, { 0, 8 } }, { 1, 1, { 0, 8 } } }, 0 },
		{ { { 0, 0, { 0, 8 } }, { 2, 0, { 0, 8 } } }, -EBADMSG }, /* itself */
		{ { { 2, 0, { 0, 8 } }, { 1, 0, { 0, 8 } } }, -EBADMSG },
		{ { { 0, 0, { 0, 8 } }, { 3, 0, { 0, 8 } } }, -EBADMSG },
		{ { { 0, 0, { 0, 8 } }, { 0, 0, { 0, 0 } } }, -EBADMSG },
		{ { { 0, 0, { 0, 8 } }, { 0, 0, { 0, 12 } } }, -EBADMSG },
		{ { { 0, 0, { 0, 8 } }, { 0, 0, { 4, 8 } } }, -EBADMSG },
		{ { { 0, 0, { 0, 8 } }, { 0, 0, { 1u << 31, 8 } } }, -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct craft *c = begin();
		struct craft_table *t = craft_find(c, IMG_T_SECCOMPS);

		memcpy(t->bytes, cases[i].at, sizeof(cases[i].at));
		expect(c, cases[i].rc, cases[i].rc ? "seccomps" : NULL);
	}
	struct craft *c = begin();
	struct craft_table *t = craft_find(c, IMG_T_THREADS);
	uint32_t filter = 3;

	memcpy(t->bytes + offsetof(struct img_thread, filter), &filter, sizeof(filter));
	expect(c, -EBADMSG, "threads");
}

/* Places that lie outside, wrap around, or overlap: one directory entry at a time. */
static void check_extents(void)
{
	static const struct img_dirent bad[] = {
		{ .offset = 1ull << 40, .count = 1, .record_size = 8 },
		{ .offset = UINT64_MAX - 7, .count = 1, .record_size = 8 },
		{ .offset = 4096, .count = 1ull << 61, .record_size = 8 },
		{ .offset = 4096, .count = UINT64_MAX, .record_size = UINT32_MAX },
		{ .offset = 4096, .count = 1, .record_size = 0 },
		{ .offset = 4096, .count = 0, .record_size = 8 },
		{ .offset = 4097, .count = 1, .record_size = 8 },
		{ .offset = 0, .count = 1, .record_size = 8 },
	};
	static const uint32_t tables[] = { IMG_T_FDS, IMG_T_MACHINE, IMG_T_OPTIONAL + 1 };
	struct image_reader *r;
	struct err err;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t j = 0; j < sizeof(tables) / sizeof(tables[0]); j++) {
			struct craft *c = begin();
			struct img_dirent d = bad[i];

			if (!craft_find(c, tables[j]))
				craft_add(c, tables[j], 8, 1);
			craft_seal(c);
			d.table = tables[j];
			memcpy(c->bytes + c->trailer.dir_offset +
				       (size_t)(craft_find(c, tables[j]) - c->tables) * sizeof(d),
			       &d, sizeof(d));
			craft_sums(c);
			CHECK_INT(look(c, false, &r, &err), -EBADMSG);
			image_reader_close(r);
		}
}

/*
 * Sound by every checksum, and yet: an unknown table over a known one; bytes that belong to
 * nobody.
 */
static void check_overlaps(void)
{
	struct craft *c = begin();
	struct craft_table *t = craft_add(c, IMG_T_OPTIONAL + 1, 16, 2);
	struct image_reader *r;
	struct err err;
	size_t at;

	craft_seal(c);
	t->d.offset = craft_find(c, IMG_T_FDS)->d.offset;
	t->d.xxh3 = craft_find(c, IMG_T_FDS)->d.xxh3;
	memcpy(c->bytes + c->trailer.dir_offset + (c->ntables - 1) * sizeof(t->d), &t->d,
	       sizeof(t->d));
	craft_sums(c);
	CHECK_INT(look(c, true, &r, &err), -EBADMSG);
	CHECK(strstr(err.msg, "overlap") != NULL);
	image_reader_close(r);
	c = begin();
	craft_seal(c);
	at = craft_find(c, IMG_T_GROUPS)->d.offset + 4; /* the padding behind it */
	c->bytes[at] = 1;
	CHECK_INT(look(c, true, &r, &err), -EBADMSG);
	CHECK(strstr(err.msg, "between its parts") != NULL);
	image_reader_close(r);
}

static void check_missing(void)
{
	static const uint32_t needed[] = { IMG_T_MACHINE, IMG_T_PROCESS };

	for (size_t i = 0; i < 2; i++) {
		struct craft *c = begin();
		struct craft_table *t = craft_find(c, needed[i]);

		t->d.table = IMG_T_OPTIONAL + 1;
		expect(c, -EBADMSG, "describes no process");
	}
}

/* One field of one record made wrong; the message names the table. */
static const struct lie {
	uint32_t table;
	size_t record_size, record, offset, size;
	uint64_t value;
	int rc;
	const char *word;
} lies[] = {
#define LIE(t, type, n, field, value, rc, word)                            \
	{                                                                  \
		t, sizeof(struct type), n, offsetof(struct type, field),   \
			sizeof(((struct type *)0)->field), value, rc, word \
	}
	LIE(IMG_T_CHUNKS, img_chunk, 0, raw_len, 3 * 4096 + 1, -EBADMSG, "chunks"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, raw_len, 2 << 20, -EBADMSG, "chunks"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, raw_len, 4 * 4096, -EBADMSG, "another size"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, raw_len, 0, -EBADMSG, "chunks"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, stored_len, 0, -EBADMSG, "size"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, stored_len, UINT32_MAX, -EBADMSG, "outside"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, offset, UINT64_MAX - 10, -EBADMSG, "outside"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, offset, 0, -EBADMSG, "outside"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, codec, IMG_CODEC_LZ4, -EPROTO, "compressed in a way"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, codec, 99, -EPROTO, "compressed in a way"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, codec, IMG_CODEC_NONE, -EBADMSG, "sizes differ"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, source, 1, -ENOENT, "1.img"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, source, SAMPLE_PID, -EBADMSG, "cannot be"),
	LIE(IMG_T_CHUNKS, img_chunk, 0, source, 1u << 31, -EBADMSG, "cannot be"),
	LIE(IMG_T_RUNS, img_run, 0, addr, 0x11001, -EBADMSG, "runs"),
	LIE(IMG_T_RUNS, img_run, 0, addr, 0, -EBADMSG, "nothing is mapped"),
	LIE(IMG_T_RUNS, img_run, 0, addr, UINT64_MAX & ~4095ull, -EBADMSG, "runs"),
	LIE(IMG_T_RUNS, img_run, 0, len, 5 * 4096, -EBADMSG, "beyond its chunk"),
	LIE(IMG_T_RUNS, img_run, 0, len, 0, -EBADMSG, "runs"),
	LIE(IMG_T_RUNS, img_run, 0, offset, 0xfffff000, -EBADMSG, "beyond its chunk"),
	LIE(IMG_T_RUNS, img_run, 0, chunk, 1, -EBADMSG, "chunk"),
	LIE(IMG_T_VMAS, img_vma, 1, start, 0x11000, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, end, 0, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, end, 1ull << 63, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, file, 5, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, kind, 0, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, kind, IMG_VMA_KINDS, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, kind, IMG_VMA_AIO, -EBADMSG, "aios"),
	LIE(IMG_T_VMAS, img_vma, 1, prot, 8, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 1, offset, 5, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 0, name.off, UINT32_MAX, -EBADMSG, "vmas"),
	LIE(IMG_T_VMAS, img_vma, 0, name.len, 3, -EBADMSG, "vmas"), /* without its NUL */
	LIE(IMG_T_VMAS, img_vma, 2, start, 0x500000, -EBADMSG,
	    "vmas"), /* vsyscall in user memory */
	LIE(IMG_T_VMAS, img_vma, 2, kind, IMG_VMA_ANON, -EBADMSG, "vmas"),
	LIE(IMG_T_THREADS, img_thread, 0, tid, 5, -EBADMSG, "leading"),
	LIE(IMG_T_THREADS, img_thread, 1, tid, SAMPLE_PID, -EBADMSG, "threads"),
	LIE(IMG_T_THREADS, img_thread, 1, tid, 0, -EBADMSG, "threads"),
	LIE(IMG_T_THREADS, img_thread, 1, xsave.len, UINT32_MAX, -EBADMSG, "threads"),
	LIE(IMG_T_THREADS, img_thread, 1, xsave.off, 1, -EBADMSG, "threads"),
	LIE(IMG_T_PROCESS, img_process, 0, pid, 0, -EBADMSG, "process"),
	LIE(IMG_T_PROCESS, img_process, 0, auxv.off, UINT32_MAX - 7, -EBADMSG, "process"),
	LIE(IMG_T_MACHINE, img_machine, 0, cpu_features.len, 31, -EBADMSG, "machine"),
	LIE(IMG_T_FILES, img_file, 1, id, 1, -EBADMSG, "twice"),
	LIE(IMG_T_FILES, img_file, 1, id, 0, -EBADMSG, "files"),
	LIE(IMG_T_FILES, img_file, 0, kind, IMG_F_KINDS, -EBADMSG, "files"),
	LIE(IMG_T_FILES, img_file, 0, std_stream, 3, -EBADMSG, "files"),
	LIE(IMG_T_FDS, img_fd, 1, file, 9, -EBADMSG, "fds"),
	LIE(IMG_T_FDS, img_fd, 1, fd, 1, -EBADMSG, "fds"),
	LIE(IMG_T_EPOLLS, img_epoll, 0, target, 9, -EBADMSG, "epolls"),
	LIE(IMG_T_LOCKS, img_lock, 0, type, 9, -EBADMSG, "locks"),
	LIE(IMG_T_SHARES, img_share, 0, what, 9, -EBADMSG, "shares"),
	LIE(IMG_T_SHARES, img_share, 0, pid, SAMPLE_PID, -EBADMSG, "shares"),
	LIE(IMG_T_SHARES, img_share, 0, what, IMG_SHARE_FILES, -EBADMSG, "fds"),
	LIE(IMG_T_SIGACTIONS, img_sigaction, 0, signo, 65, -EBADMSG, "sigactions"),
	LIE(IMG_T_PENDING, img_pending, 0, siginfo, 0, -EBADMSG, "pending"),
	LIE(IMG_T_TIMERS, img_timer, 0, id, 0, -EBADMSG, "twice"),
	LIE(IMG_T_TIMERS, img_timer, 0, left_ns, 1ull << 63, -EBADMSG, "timers"),
	LIE(IMG_T_GUARDS, img_range, 0, len, 1, -EBADMSG, "guards"),
	LIE(IMG_T_RLIMITS, img_rlimit, 0, resource, 64, -EBADMSG, "rlimits"),
};

static void check_lies(void)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		const struct lie *l = &lies[i];
		struct craft *c = begin();
		uint8_t *record = craft_find(c, l->table)->bytes + l->record * l->record_size;

		memcpy(record + l->offset, &l->value, l->size < 8 ? l->size : 8);
		expect(c, l->rc, l->word);
	}
}

int main(void)
{
	char path[SAMPLE_PATH_MAX];
	struct err err = ERR_INIT;

	if (sample_dir(path) < 0)
		return 1;
	snprintf(sample_path, sizeof(sample_path), "%s/image", path);
	CHECK(sample_write(AT_FDCWD, sample_path, IMG_CODEC_ZSTD, &err) > 0);
	memfd = memfd_create("image", MFD_CLOEXEC);
	snprintf(memfd_path, sizeof(memfd_path), "/proc/self/fd/%d", memfd);
	check_header();
	check_long_header();
	check_unknown_tables();
	check_record_sizes();
	check_filters();
	check_extents();
	check_overlaps();
	check_missing();
	check_lies();
	craft_free(begin());
	unlink(sample_path);
	rmdir(path);
	return unit_result();
}
