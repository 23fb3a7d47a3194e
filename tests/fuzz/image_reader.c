/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Image files from anywhere: open, verify, unpack, and use the model as a restart would, believing
 * what the reader promises.
 *
 * Checksums are believed here (IMAGE_FUZZ), else nothing behind them would ever be reached. The
 * seeds have their chunks right behind the header, without the usual gap, so that most changes hit
 * something.
 */
#include "fuzz.h"

#include "../unit/image_craft.h"
#include "../unit/image_sample.h"

#include <fcntl.h>

static char memfd_path[64];
static int memfd = -1;
static volatile uint64_t sink;

static void use_bytes(const void *bytes, size_t n)
{
	sink += checksum(bytes, n);
}

static void use_ref(const struct model *m, struct img_ref ref)
{
	if (ref.len)
		use_bytes(model_bytes(m, ref), ref.len);
}

static void use_string(const struct model *m, struct img_ref ref)
{
	sink += strlen(model_string(m, ref));
}

static void use_model(const struct model *m)
{
	use_string(m, m->process.exe);
	use_string(m, m->machine.cpu_model);
	use_ref(m, m->process.auxv);
	use_ref(m, m->machine.cpu_features);
	for (size_t i = 0; i < m->threads.n; i++) {
		use_ref(m, m->threads.at[i].xsave);
		use_ref(m, m->threads.at[i].affinity);
		sink += strlen(m->threads.at[i].comm);
	}
	for (size_t i = 0; i < m->files.n; i++) {
		use_string(m, m->files.at[i].path);
		use_ref(m, m->files.at[i].data);
	}
	for (size_t i = 0; i < m->sysv.n; i++)
		use_ref(m, m->sysv.at[i].data);
	for (size_t i = 0; i < m->vmas.n; i++) {
		use_string(m, m->vmas.at[i].name);
		if (m->vmas.at[i].end <= m->vmas.at[i].start)
			abort();
	}
}

/* Every page goes to an address: all of them inside a mapping, each once. */
static void use_pages(struct image_reader *r, struct err *err)
{
	const struct model *m = image_reader_model(r);
	struct image_decoder *d;
	uint64_t after = 0;

	if (image_decoder_open(&d, r, err) < 0)
		return;
	for (size_t i = 0; i < m->runs.n; i++) {
		const struct img_run *run = &m->runs.at[i];
		const void *raw;

		if (run->addr < after || run->addr % SAMPLE_PAGE || run->len % SAMPLE_PAGE)
			abort();
		after = run->addr + run->len;
		if (image_decoder_chunk(d, run->chunk, &raw, err) >= 0)
			use_bytes((const uint8_t *)raw + run->offset, run->len);
	}
	image_decoder_close(d);
}

static void target(const uint8_t *bytes, size_t n)
{
	struct image_reader *r;
	struct err err = ERR_INIT;

	if (memfd < 0) {
		memfd = memfd_create("image", MFD_CLOEXEC);
		snprintf(memfd_path, sizeof(memfd_path), "/proc/self/fd/%d", memfd);
	}
	if (ftruncate(memfd, 0) || pwrite(memfd, bytes, n, 0) != (ssize_t)n)
		abort();
	if (image_reader_open(&r, AT_FDCWD, memfd_path, &err) >= 0) {
		use_model(image_reader_model(r));
		use_pages(r, &err);
		image_reader_verify(r, 1, &err);
	} else if (!err.num || !err.msg[0]) {
		abort();
	}
	image_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	target(bytes, n);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
/* The sample, its chunk moved up to the header. */
static void make_seed(struct craft *c, const char *path, enum img_codec codec)
{
	struct img_chunk *chunk;
	struct err err = ERR_INIT;

	if (sample_write(AT_FDCWD, path, codec, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	craft_load(c, path);
	unlink(path);
	chunk = (struct img_chunk *)(void *)craft_find(c, IMG_T_CHUNKS)->bytes;
	memmove(c->bytes + sizeof(struct img_header), c->bytes + chunk->offset, chunk->stored_len);
	chunk->offset = sizeof(struct img_header);
	c->body = craft_pad(sizeof(struct img_header) + chunk->stored_len);
	craft_seal(c);
	craft_free(c);
}

int main(int argc, char **argv)
{
	static const enum img_codec codecs[] = { IMG_CODEC_ZSTD, IMG_CODEC_ZSTD, IMG_CODEC_NONE };
	enum { SEEDS = sizeof(codecs) / sizeof(codecs[0]) };
	static struct craft seed[SEEDS];
	struct fuzz_seed seeds[SEEDS];
	char path[SAMPLE_PATH_MAX], file[SAMPLE_PATH_MAX + 8];

	if (sample_dir(path) < 0)
		return 1;
	snprintf(file, sizeof(file), "%s/image", path);
	for (size_t i = 0; i < SEEDS; i++) {
		make_seed(&seed[i], file, codecs[i]);
		seeds[i] = (struct fuzz_seed){ seed[i].bytes, seed[i].n };
	}
	rmdir(path);
	return fuzz_main(argc, argv, target, seeds, SEEDS);
}
#endif
