/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An image of version 1 as the first release wrote it reads for ever, and says what it said then.
 *
 * golden/v1.img was made by "image_golden --make golden/v1.img", that is by the writer of that
 * time from the process of image_sample.h, compressed. It is never made anew; a new version gets a
 * file of its own.
 */
#include "unit.h"

#include "image_sample.h"

#include "image/tables.h"

#include <fcntl.h>

/* Fields by name, not the bytes of today's struct: an old record may be shorter. */
static void check_process(const struct model *m)
{
	CHECK_INT(m->process.pid, SAMPLE_PID);
	CHECK_INT(m->process.uid[3], 1000);
	CHECK_STR(model_string(m, m->process.exe), "/bin/true");
	CHECK_STR(model_string(m, m->process.cwd), "/tmp");
	CHECK_STR(model_string(m, m->machine.release), "6.1.0-sample");
	CHECK_INT(m->machine.monotonic_ns, 5000000000);
	CHECK_INT(m->machine.cpu_features.len, 32);
	CHECK_INT(m->threads.n, 2);
	CHECK_INT(m->threads.at[1].tid, SAMPLE_PID + 1);
	CHECK_STR(m->threads.at[1].comm, "second");
	CHECK_INT(m->threads.at[0].xsave.len, 832);
	CHECK_INT(m->threads.at[0].time_left_ns, -1);
}

static void check_tables(const struct model *m)
{
	CHECK_INT(m->vmas.n, 3);
	CHECK_STR(model_string(m, m->vmas.at[0].name), "[heap]");
	CHECK_INT(m->vmas.at[1].file, 2);
	CHECK_INT(m->guards.at[0].addr, 0x401000);
	CHECK_INT(m->fds.at[1].fd, 5);
	CHECK_INT(m->elsewhere.at[0], 3);
	CHECK_STR(model_string(m, model_file(m, 1)->path), "/tmp/output");
	CHECK(!memcmp(model_bytes(m, model_file(m, 4)->data), "in the pipe", 11));
	CHECK_INT(m->epolls.at[0].data, 77);
	CHECK_INT(m->locks.at[0].len, 8);
	CHECK_INT(m->sigactions.at[0].handler, 0x400100);
	CHECK_INT(m->pending.at[0].siginfo[0], 12);
	CHECK_INT(m->timers.at[0].id, 3);
	CHECK_INT(m->timers.at[1].interval_ns, 7000);
	CHECK_INT(m->rlimits.at[0].hard, 4096);
	CHECK_INT(m->groups.at[0], 100);
}

static void check_pages(struct image_reader *r)
{
	const struct model *m = image_reader_model(r);
	struct image_decoder *d;
	struct err err = ERR_INIT;
	static uint8_t want[SAMPLE_PAGE];
	const void *raw;

	CHECK_INT(m->runs.n, 1);
	CHECK_INT(m->runs.at[0].addr, SAMPLE_ADDR);
	CHECK_INT(m->runs.at[0].len, SAMPLE_KEPT * SAMPLE_PAGE);
	CHECK_INT(image_decoder_open(&d, r, &err), 0);
	if (CHECK_INT(image_decoder_chunk(d, 0, &raw, &err), 0))
		for (uint64_t i = 0; i < SAMPLE_KEPT; i++) {
			sample_fill(want, i);
			CHECK(!memcmp((const uint8_t *)raw + i * SAMPLE_PAGE, want, SAMPLE_PAGE));
		}
	image_decoder_close(d);
}

static int make(const char *path)
{
	struct err err = ERR_INIT;

	if (sample_write(AT_FDCWD, path, IMG_CODEC_ZSTD, &err) >= 0)
		return 0;
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}

int main(int argc, char **argv)
{
	struct image_reader *r;
	struct err err = ERR_INIT;

	if (argc == 3 && !strcmp(argv[1], "--make"))
		return make(argv[2]);
	if (CHECK_INT(image_reader_open(&r, AT_FDCWD, UNIT_GOLDEN "/v1.img", &err), 0)) {
		CHECK_INT(image_reader_header(r)->version, 1);
		check_process(image_reader_model(r));
		check_tables(image_reader_model(r));
		check_pages(r);
		CHECK_INT(image_reader_verify(r, 1, &err), 0);
		image_reader_close(r);
	}
	CHECK_STR(err.msg, "");
	return unit_result();
}
