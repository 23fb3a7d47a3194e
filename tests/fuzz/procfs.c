/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts of /proc, all parsers over each: a newer kernel may add lines, a file may have been cut
 * off anywhere, and a program chooses the names in it.
 */
#include "fuzz.h"

#include "procfs/fdinfo.h"
#include "procfs/igmp.h"
#include "procfs/maps.h"
#include "procfs/rawnet.h"
#include "procfs/stat.h"
#include "procfs/status.h"
#include "procfs/task.h"
#include "procfs/sysvipc.h"
#include "procfs/timers.h"
#include "procfs/uring.h"

#include <fcntl.h>
#include <unistd.h>

static volatile uint64_t sink;

static void use_maps(const char *text, size_t n)
{
	struct maps_cursor c;
	struct maps_vma vma;
	char path[64];

	for (c = maps_over(text, n); maps_next(&c, &vma);)
		sink += vma.end + maps_path(&vma, path, sizeof(path)) + maps_named(&vma, "[heap]");
	sink += maps_complete(&c);
	for (c = maps_over(text, n); smaps_next(&c, &vma);)
		sink += vma.flags + maps_begins(&vma, "[vvar");
}

static void use_lists(const char *text, size_t n)
{
	struct fdinfo_target epoll;
	struct fdinfo_watch watch;
	struct fdinfo_lock lock;
	struct timers_cursor timers;
	struct timers_timer timer;
	struct sysvipc_object object;
	struct uring_buffer buffer;
	struct uring_info uring;
	struct rawnet raw;
	struct scan scan;
	uint8_t group[16];
	uint32_t interface = 0;
	int32_t child;

	for (scan = scan_over(text, n); igmp_next(&scan, &interface, group);)
		sink += interface;
	for (scan = scan_over(text, n); igmp6_next(&scan, &interface, group);)
		sink += group[15];
	for (scan = scan_over(text, n); rawnet_next(&scan, false, &raw);)
		sink += raw.inode;
	for (scan = scan_over(text, n); rawnet_next(&scan, true, &raw);)
		sink += raw.peer[15];
	if (uring_parse(&uring, text, n, NULL) == 0)
		sink += uring.cached_sq_head;
	for (scan = scan_over(text, n); uring_next_buffer(&scan, &buffer);)
		sink += buffer.len;
	for (scan = scan_over(text, n); fdinfo_next_target(&scan, &epoll);)
		sink += epoll.data;
	for (scan = scan_over(text, n); fdinfo_next_watch(&scan, &watch);)
		sink++;
	for (scan = scan_over(text, n); fdinfo_next_lock(&scan, &lock);)
		sink++;
	for (timers = timers_over(text, n); timers_next(&timers, &timer);)
		sink += timer.value;
	for (scan = sysvipc_over(text, n); sysvipc_next(&scan, SYSVIPC_SHM, &object);)
		sink += object.resident;
	for (scan = scan_over(text, n); sysvipc_next(&scan, SYSVIPC_SEM, &object);)
		sink += (uint64_t)object.used;
	for (scan = scan_over(text, n); task_next_child(&scan, &child);)
		sink += (uint64_t)child;
}

static void target(const uint8_t *bytes, size_t n)
{
	const char *text = (const char *)bytes;
	struct task_syscall call;
	struct stat_line stat;
	struct status status;
	struct fdinfo info;
	struct err err = ERR_INIT;
	uint32_t gid;

	use_maps(text, n);
	use_lists(text, n);
	if (status_parse(&status, text, n, &err) >= 0)
		while (status_next_group(&status.groups, &gid))
			sink += gid;
	if (stat_parse(&stat, text, n, &err) >= 0)
		sink += stat.start_brk;
	if (fdinfo_parse(&info, text, n, &err) >= 0)
		sink += info.flags;
	sink += task_parse_syscall(&call, text, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	target(bytes, n);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
enum { SEED_MAX = 8192 };

/* This kernel's own texts, and what it does not show of us by itself. */
static const char *const files[] = {
	"/proc/self/smaps", "/proc/self/maps",	  "/proc/self/status",
	"/proc/self/stat",  "/proc/self/syscall", "/proc/self/fdinfo/0"
};
static const char *const texts[] = {
	"pos:\t0\nflags:\t02\nmnt_id:\t15\ntfd:        5 events:       19 data: 500000005  pos:0 "
	"ino:61af "
	"sdev:7\n",
	"pos:\t0\nflags:\t00\ninotify wd:3 ino:9e7e sdev:800013 mask:800afff ignored_mask:0 "
	"fhandle-bytes:8 fhandle-type:1 f_handle:7e9e0000640d1b6d\n",
	"pos:\t0\nflags:\t0100002\nmnt_id:\t25\nlock:\t1: POSIX  ADVISORY  WRITE 359 00:13:11691 0 "
	"EOF\n",
	"pos:\t0\nflags:\t02\nclockid: 0\nticks: 0\nsettime flags: 01\nit_value: (0, 49406829)\n"
	"it_interval: (1, 0)\n",
	"ID: 4\nsignal: 14/0000000000000005\nnotify: signal/pid.2634\nClockID: 1\nID: 1\nsignal: "
	"60/00007fff86e452a8\nnotify: none/tid.2634\nClockID: 1\n",
	"17 18 19 20000 ",
	"-1 0x7ffd 0x7f00\n",
};

enum {
	FILES = sizeof(files) / sizeof(files[0]),
	SEEDS = FILES + sizeof(texts) / sizeof(texts[0]),
};

int main(int argc, char **argv)
{
	static char buf[FILES][SEED_MAX];
	struct fuzz_seed seeds[SEEDS];

	for (size_t i = 0; i < FILES; i++) {
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, buf[i], SEED_MAX);

		seeds[i] = (struct fuzz_seed){ buf[i], n > 0 ? (size_t)n : 0 };
		if (fd >= 0)
			close(fd);
	}
	for (size_t i = FILES; i < SEEDS; i++)
		seeds[i] = (struct fuzz_seed){ texts[i - FILES], strlen(texts[i - FILES]) };
	return fuzz_main(argc, argv, target, seeds, SEEDS);
}
#endif
