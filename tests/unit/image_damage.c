/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Damage is refused, never restored and never a crash: an image cut at every byte, with every bit
 * flipped, and things that are no images at all.
 */
#include "unit.h"

#include "image_craft.h"
#include "image_sample.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct craft image;
static char memfd_path[64];
static int memfd;

/* 0 if the image in memfd is good to its last byte. */
static int look(struct err *err)
{
	struct image_reader *r;
	int rc;

	*err = ERR_INIT;
	rc = image_reader_open(&r, AT_FDCWD, memfd_path, err);
	if (rc >= 0)
		rc = image_reader_verify(r, 1, err);
	image_reader_close(r);
	return rc;
}

static void check_truncated(void)
{
	struct err err;

	craft_store(&image, memfd);
	CHECK_INT(look(&err), 0);
	for (size_t n = image.n; n-- > 0;) {
		CHECK(!ftruncate(memfd, (off_t)n));
		if (!CHECK(look(&err) < 0) || !CHECK(err.num && err.msg[0]))
			break;
	}
}

static void check_longer(void)
{
	struct err err;

	craft_store(&image, memfd);
	CHECK(!ftruncate(memfd, (off_t)image.n + 1));
	CHECK_INT(look(&err), -EBADMSG);
	CHECK(!ftruncate(memfd, (off_t)image.n + 64));
	CHECK_INT(look(&err), -EBADMSG);
}

/*
 * Every bit; in the long stretches of zeros that stand between the parts one bit a byte, since one
 * comparison looks at all eight.
 */
static void check_flipped(void)
{
	size_t header = sizeof(struct img_header);
	struct err err;

	craft_store(&image, memfd);
	for (size_t at = 0; at < image.n; at++) {
		bool gap = at >= header && at < image.body && !image.bytes[at];

		for (unsigned int bit = 0; bit < 8; bit++) {
			uint8_t byte = image.bytes[at] ^ (uint8_t)(1u << bit);

			if (gap && bit != at % 8)
				continue;
			CHECK(pwrite(memfd, &byte, 1, (off_t)at) == 1);
			if (!CHECK(look(&err) < 0)) {
				fprintf(stderr, "\tbyte %zu, bit %u\n", at, bit);
				return;
			}
		}
		CHECK(pwrite(memfd, &image.bytes[at], 1, (off_t)at) == 1);
	}
	CHECK_INT(look(&err), 0);
}

/* What says where it is damaged. */
static void check_named(void)
{
	struct err err;
	uint8_t byte = image.bytes[IMG_CHUNK_ALIGN] ^ 1;

	CHECK(pwrite(memfd, &byte, 1, IMG_CHUNK_ALIGN) == 1);
	CHECK_INT(look(&err), -EBADMSG);
	CHECK(strstr(err.msg, memfd_path) && strstr(err.msg, "chunk 0: checksum"));
	craft_store(&image, memfd);
	byte = image.bytes[craft_find(&image, IMG_T_THREADS)->d.offset] ^ 1;
	CHECK(pwrite(memfd, &byte, 1, (off_t)craft_find(&image, IMG_T_THREADS)->d.offset) == 1);
	CHECK_INT(look(&err), -EBADMSG);
	CHECK(strstr(err.msg, "threads"));
}

static void refuse(int at, const char *name, int rc)
{
	struct image_reader *r = (void *)1;
	struct err err = ERR_INIT;

	CHECK_INT(image_reader_open(&r, at, name, &err), rc);
	CHECK(!r);
	CHECK(strstr(err.msg, name) != NULL);
}

static void check_no_images(void)
{
	char path[SAMPLE_PATH_MAX];
	int at;

	if (!CHECK(!sample_dir(path)) || (at = open(path, O_DIRECTORY | O_CLOEXEC)) < 0)
		return;
	CHECK(!mkfifoat(at, "fifo", 0600) && !mkdirat(at, "dir", 0700));
	close(openat(at, "empty", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	refuse(at, "fifo", -EINVAL); /* at once, though nobody writes to it */
	refuse(at, "dir", -EINVAL);
	refuse(at, "empty", -EBADMSG);
	refuse(at, "missing", -ENOENT);
	refuse(at, "/dev/null", -EINVAL);
	unlinkat(at, "fifo", 0);
	unlinkat(at, "empty", 0);
	unlinkat(at, "dir", AT_REMOVEDIR);
	close(at);
	CHECK(!rmdir(path));
}

int main(void)
{
	char path[SAMPLE_PATH_MAX], file[SAMPLE_PATH_MAX + 8];
	struct err err = ERR_INIT;

	if (sample_dir(path) < 0)
		return 1;
	snprintf(file, sizeof(file), "%s/image", path);
	CHECK(sample_write(AT_FDCWD, file, IMG_CODEC_ZSTD, &err) > 0);
	craft_load(&image, file);
	craft_seal(&image);
	unlink(file);
	rmdir(path);
	memfd = memfd_create("image", MFD_CLOEXEC);
	snprintf(memfd_path, sizeof(memfd_path), "/proc/self/fd/%d", memfd);
	check_truncated();
	check_longer();
	check_flipped();
	check_named();
	check_no_images();
	craft_free(&image);
	close(memfd);
	return unit_result();
}
