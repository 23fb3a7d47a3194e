/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name that are much larger than what stands in them: bytes, holes and owner stay, also of a
 * memfd and of one that can only be written.
 */
#include "live.h"

enum { PIECES = 3, BLOCKS_MAX = 1024, UID = 77, GID = 88 };
static const off_t SIZE = 8LL << 30, piece[PIECES] = { 1 << 20, 3LL << 30, (7LL << 30) + 4000 };

static void fill(int fd)
{
	LIVE_CHECK(!ftruncate(fd, SIZE));
	for (int i = 0; i < PIECES; i++)
		LIVE_EQUAL(pwrite(fd, "some bytes", 10, piece[i]), 10);
	LIVE_EQUAL(lseek(fd, 5LL << 30, SEEK_SET), 5LL << 30);
}

/* @fd can be read; @at is where the program's descriptor stands. */
static void check(int fd, off_t at)
{
	struct stat st;
	char buf[10];

	LIVE_CHECK(!fstat(fd, &st));
	LIVE_EQUAL(st.st_size, SIZE);
	LIVE_CHECK(st.st_blocks < BLOCKS_MAX);
	LIVE_EQUAL(st.st_mode & 07777, 0640);
	if (!geteuid())
		LIVE_CHECK(st.st_uid == UID && st.st_gid == GID);
	for (int i = 0; i < PIECES; i++)
		LIVE_CHECK(pread(fd, buf, 10, piece[i]) == 10 && !memcmp(buf, "some bytes", 10));
	LIVE_CHECK(pread(fd, buf, 10, SIZE - 10) == 10 && !memcmp(buf, "\0\0\0\0\0\0\0\0\0", 10));
	LIVE_EQUAL(at, 5LL << 30);
}

int main(void)
{
	int fd = open("file", O_WRONLY | O_CREAT | O_TRUNC, 0640);
	int reader = open("file", O_RDONLY), mem = memfd_create("sparse", 0);

	LIVE_CHECK(fd >= 0 && reader >= 0 && mem >= 0 && !unlink("file"));
	if (ftruncate(fd, SIZE) < 0)
		live_skip("this file system has no files of this size");
	fill(fd);
	fill(mem);
	LIVE_CHECK(!fchmod(fd, 0640) && !fchmod(mem, 0640));
	if (!geteuid())
		LIVE_CHECK(!fchown(fd, UID, GID) && !fchown(mem, UID, GID));
	live_ready();
	LIVE_EQUAL(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	check(reader, lseek(fd, 0, SEEK_CUR));
	check(mem, lseek(mem, 0, SEEK_CUR));
	LIVE_EQUAL(lseek(reader, 0, SEEK_CUR), 0);
	return 0;
}
