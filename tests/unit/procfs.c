/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of src/procfs: crafted lines, and this process's own files. */
#include "unit.h"

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

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static char text[1 << 20];

/* A file of /proc as a whole, into text; its length. */
static size_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 1;

	CHECK(fd >= 0);
	while (fd >= 0 && n < sizeof(text) && got > 0) {
		got = read(fd, text + n, sizeof(text) - n);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	return n;
}

static void check_maps_crafted(void)
{
	static const char maps[] =
		"55d0c0000000-55d0c0001000 r-xp 00002000 fd:01 1234567    /usr/bin/a b\n"
		"7f0000000000-7f0000001000 rw-s 00000000 00:01 42         /memfd:x (deleted)\n"
		"7f0000001000-7f0000002000 ---p 00000000 00:00 0 \n"
		"7f0000002000-7f0000003000 rw-p 00000000 08:01 9  /tmp/new\\012line\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]\n"
		"7f0000004000-7f00";
	struct maps_cursor c = maps_over(maps, sizeof(maps) - 1);
	struct maps_vma v;
	char path[64];

	CHECK(maps_next(&c, &v));
	CHECK(v.start == 0x55d0c0000000 && v.end == 0x55d0c0001000 && v.offset == 0x2000);
	CHECK(v.prot == (PROT_READ | PROT_EXEC) && !v.shared && !v.deleted);
	CHECK(v.dev_major == 0xfd && v.dev_minor == 1 && v.ino == 1234567);
	CHECK(maps_path(&v, path, sizeof(path)));
	CHECK_STR(path, "/usr/bin/a b");
	CHECK(!maps_path(&v, path, 5));
	CHECK_STR(path, "/usr");
	CHECK(maps_next(&c, &v) && v.shared && v.deleted && maps_named(&v, "/memfd:x"));
	CHECK(maps_begins(&v, "/memfd:") && !maps_named(&v, "/memfd:"));
	CHECK(maps_next(&c, &v) && !v.path_len && !v.prot);
	CHECK(maps_next(&c, &v) && maps_path(&v, path, sizeof(path)));
	CHECK_STR(path, "/tmp/new\nline");
	CHECK(maps_next(&c, &v) && maps_named(&v, "[vsyscall]") && v.end == 0xffffffffff601000);
	CHECK(!maps_next(&c, &v) && !c.bad && !maps_complete(&c));
	CHECK_INT(scan_left(&c.text), strlen("7f0000004000-7f00"));
}

static void check_maps_nonsense(void)
{
	static const char *const bad[] = {
		"hello\n",
		"1000-1000 r--p 0 0:0 0\n",
		"2000-1000 r--p 0 0:0 0\n",
		"1000-2000 r-\n",
		"1000-2000 rrrp 0 0:0 0\n",
		"1000-2000 r--q 0 0:0 0\n",
		"1000-11112222333344445 r--p 0 0:0 0\n",
		"1000-2000 r--p 0 0:111112222 0\n",
		"1000-2000 r--p 0 00:00\n",
		"\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct maps_cursor c = maps_over(bad[i], strlen(bad[i]));
		struct maps_vma v;

		CHECK(!maps_next(&c, &v) && c.bad && !maps_next(&c, &v) && !maps_complete(&c));
	}
}

static void check_smaps_crafted(void)
{
	static const char smaps[] =
		"1000-3000 rw-p 00000000 00:00 0   [heap]\n"
		"Size:                  8 kB\nKernelPageSize:        4 kB\nRss:                   "
		"8 kB\n"
		"Anonymous:             4 kB\nSwap:  0 kB\nProtectionKey:         3\nNewThing: x\n"
		"VmFlags: rd wr mr mw me gd dd dc hg mg wf lo lf nr sd um uw sl dp gu zz \n"
		"3000-5000 rw-p 00000000 00:00 0\nKernelPageSize:     2048 kB\nVmFlags: rd ht\n"
		"6000-7000 rw-p 00000000 00:00 0\nRss: 4 kB\n";
	struct maps_cursor c = maps_over(smaps, sizeof(smaps) - 1);
	struct maps_vma v;
	uint32_t want = MAPS_GROWSDOWN | MAPS_DONTDUMP | MAPS_DONTCOPY | MAPS_HUGEPAGE |
			MAPS_MERGEABLE | MAPS_WIPEONFORK | MAPS_LOCKED | MAPS_LOCKONFAULT |
			MAPS_NORESERVE | MAPS_SOFTDIRTY | MAPS_UFFD_MISSING | MAPS_UFFD_WP |
			MAPS_SEALED | MAPS_DROPPABLE | MAPS_GUARD | MAPS_MAYWRITE;

	CHECK(smaps_next(&c, &v));
	CHECK(v.flags == want && v.protection_key == 3 && v.kernel_page_size == 4096);
	CHECK(maps_named(&v, "[heap]"));
	CHECK(smaps_next(&c, &v) && v.flags == MAPS_HUGETLB && v.kernel_page_size == 2 << 20);
	CHECK(!smaps_next(&c, &v) && !c.bad); /* no VmFlags yet: cut off */
	CHECK(scan_text(&c.text, "6000-"));
}

/* A mapping with settings of every kind, found again in our own smaps. */
static void check_smaps_self(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct maps_cursor c;
	struct maps_vma v;
	bool found = false, stack = false;
	int n = 0, same = 0;

	CHECK(p != MAP_FAILED);
	madvise(p, 4096, MADV_DONTFORK);
	madvise(p, 4096, MADV_DONTDUMP);
	mprotect(p + 4096, 4096, PROT_NONE);
	p[0] = 1;
	c = maps_over(text, slurp("/proc/self/smaps"));
	while (smaps_next(&c, &v)) {
		n++;
		stack |= maps_named(&v, "[stack]") && v.flags & MAPS_GROWSDOWN;
		if (v.start != (uintptr_t)p)
			continue;
		found = v.end == v.start + 4096 && v.prot == (PROT_READ | PROT_WRITE) &&
			(v.flags & MAPS_DONTDUMP) && (v.flags & MAPS_DONTCOPY) &&
			(v.flags & MAPS_NORESERVE) && v.kernel_page_size == 4096;
	}
	CHECK(found && stack && maps_complete(&c));
	c = maps_over(text, slurp("/proc/self/maps"));
	while (maps_next(&c, &v))
		same++;
	CHECK(maps_complete(&c));
	CHECK_INT(same, n);
	munmap(p, 1 << 20);
}

static void check_status_self(void)
{
	struct err err = ERR_INIT;
	struct status st;
	sigset_t set, old;
	gid_t groups[256];
	uint32_t gid;
	int n = getgroups(256, groups), seen = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	signal(SIGUSR2, SIG_IGN);
	umask(027);
	CHECK_INT(status_parse(&st, text, slurp("/proc/thread-self/status"), &err), 0);
	CHECK(st.pid == getpid() && st.tgid == getpid() && st.ppid == getppid());
	CHECK(st.state == 'R' && st.umask == 027 && st.threads >= 1);
	CHECK(st.uid[0] == getuid() && st.uid[1] == geteuid() && st.gid[3] == getegid());
	CHECK(st.sig_blocked == (1ULL << (SIGUSR1 - 1) | 1ULL << (SIGRTMAX - 1)));
	CHECK(st.sig_pending == 1ULL << (SIGUSR1 - 1));
	CHECK(st.sig_ignored & 1ULL << (SIGUSR2 - 1));
	CHECK(st.ns_pid.n >= 1 && st.ns_pid.at[st.ns_pid.n - 1] == getpid());
	CHECK(st.vm_rss > 4096 && st.cap_bounding);
	while (status_next_group(&st.groups, &gid))
		if (seen < n)
			CHECK(groups[seen++] == gid);
	CHECK_INT(seen, n);
	signal(SIGUSR1, SIG_IGN); /* drops the pending one */
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* What this machine cannot have said of any thread of its own. */
static void check_status_others(void)
{
	static const char said[] = "State:\tR (running)\nPid:\t1\n"
				   "Speculation_Store_Bypass:\tthread force mitigated\n"
				   "SpeculationIndirectBranch:\tconditional disabled\n"
				   "x86_Thread_features:\tshstk wrss \n";
	static const char open[] = "State:\tR (running)\nPid:\t1\n"
				   "Speculation_Store_Bypass:\tthread vulnerable\n"
				   "SpeculationIndirectBranch:\talways disabled\n"
				   "x86_Thread_features:\t\n";
	struct err err = ERR_INIT;
	struct status st;

	CHECK_INT(status_parse(&st, said, sizeof(said) - 1, &err), 0);
	CHECK_INT(st.no_store_bypass, PR_SPEC_FORCE_DISABLE);
	CHECK_INT(st.no_indirect_branch, PR_SPEC_DISABLE);
	CHECK(st.shadow_stack);
	CHECK_INT(status_parse(&st, open, sizeof(open) - 1, &err), 0);
	CHECK_INT(st.no_store_bypass, 0);
	CHECK_INT(st.no_indirect_branch, 0);
	CHECK(!st.shadow_stack);
}

static void check_status_nonsense(void)
{
	static const char *const bad[] = {
		"",
		"Pid:\t7\n",
		"State:\tR\n",
		"Pid:\tx\nState:\tR\n",
		"Pid:\t7\nState:\t\n",
		"Pid:\t7\nState:\tR\nUid:\t1\t2\t3\n",
		"Pid:\t99999999999\nState:\tR\n",
	};
	struct err err = ERR_INIT;
	struct status st;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_INT(status_parse(&st, bad[i], strlen(bad[i]), &err), -EBADMSG);
		CHECK(strstr(err.msg, "/proc status"));
	}
}

static void check_stat(void)
{
	static const char odd[] =
		"42 (a) R 1 (b)\n) S 7 8 9 -1 -1 4194304 1 2 3 4 5 6 7 8 20 -5 3 0 99 8192 10 "
		"18446744073709551615 1000 2000 3000 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 4000 5000 "
		"6000 7000 8000 9000 9500 139\n";
	struct err err = ERR_INIT;
	struct stat_line st;

	CHECK_INT(stat_parse(&st, odd, sizeof(odd) - 1, &err), 0);
	CHECK_STR(st.comm, "a) R 1 (b)\n");
	CHECK(st.pid == 42 && st.state == 'S' && st.ppid == 7 && st.pgrp == 8 && st.session == 9);
	CHECK(st.tty_nr == -1 && st.tpgid == -1 && st.utime == 5 && st.stime == 6);
	CHECK(st.nice == -5 && st.num_threads == 3 && st.start_time == 99);
	CHECK(st.start_code == 1000 && st.end_code == 2000 && st.start_stack == 3000);
	CHECK(st.exit_signal == 17 && st.start_data == 4000 && st.end_data == 5000);
	CHECK(st.start_brk == 6000 && st.arg_start == 7000 && st.arg_end == 8000);
	CHECK(st.env_start == 9000 && st.env_end == 9500 && st.exit_code == 139);
	for (size_t n = 0; n < sizeof(odd) - 3; n++)
		if (n < sizeof(odd) - 5)
			CHECK_INT(stat_parse(&st, odd, n, &err), -EBADMSG);
	CHECK_INT(stat_parse(&st, text, slurp("/proc/self/stat"), &err), 0);
	CHECK(st.pid == getpid() && st.ppid == getppid() && st.pgrp == getpgrp());
	CHECK(st.session == getsid(0) && st.arg_start && st.start_brk && st.exit_signal == SIGCHLD);
}

static void fdinfo_of(int fd, struct fdinfo *info, size_t *len)
{
	struct err err = ERR_INIT;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	*len = slurp(path);
	CHECK_INT(fdinfo_parse(info, text, *len, &err), 0);
}

static void check_fdinfo_counters(void)
{
	int e = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE), s, t;
	struct itimerspec its = { .it_value.tv_sec = 1000, .it_interval.tv_nsec = 500 };
	uint64_t count = 0x1234;
	struct fdinfo info;
	sigset_t set;
	size_t len;

	CHECK(write(e, &count, sizeof(count)) == sizeof(count));
	fdinfo_of(e, &info, &len);
	CHECK(info.has == FDINFO_EVENTFD && info.eventfd_count == 0x1234);
	CHECK(info.flags == (O_RDWR | O_NONBLOCK));
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	s = signalfd(-1, &set, SFD_CLOEXEC);
	fdinfo_of(s, &info, &len);
	CHECK(info.has == FDINFO_SIGNALFD && info.sigmask == 1 && info.flags & O_CLOEXEC);
	t = timerfd_create(CLOCK_MONOTONIC, 0);
	timerfd_settime(t, 0, &its, NULL);
	fdinfo_of(t, &info, &len);
	CHECK(info.has == FDINFO_TIMERFD && info.clockid == CLOCK_MONOTONIC && !info.ticks);
	CHECK(info.interval_ns == 500 && info.value_ns > 990000000000);
	CHECK(info.value_ns <= 1000000000000);
	close(e);
	close(s);
	close(t);
}

static void check_fdinfo_lists(void)
{
	int pipes[2], ep = epoll_create1(0), in = inotify_init1(0), n = 0;
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = 0xdeadbeefcafe };
	struct fdinfo_target target;
	struct fdinfo_watch watch;
	struct fdinfo info;
	struct scan s;
	size_t len;

	CHECK(!pipe(pipes) && !epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &ev));
	CHECK(!epoll_ctl(ep, EPOLL_CTL_ADD, pipes[1], &ev));
	fdinfo_of(ep, &info, &len);
	CHECK(info.has == FDINFO_EPOLL);
	for (s = scan_over(text, len); fdinfo_next_target(&s, &target); n++)
		CHECK((target.fd == pipes[0] || target.fd == pipes[1]) &&
		      target.data == 0xdeadbeefcafe && target.ino &&
		      (target.events & ~(uint32_t)(EPOLLERR | EPOLLHUP)) == (EPOLLIN | EPOLLET));
	CHECK_INT(n, 2);
	CHECK(inotify_add_watch(in, "/tmp", IN_CREATE | IN_DELETE) == 1);
	fdinfo_of(in, &info, &len);
	s = scan_over(text, len);
	CHECK(info.has == FDINFO_INOTIFY && fdinfo_next_watch(&s, &watch));
	CHECK(watch.wd == 1 && watch.mask == (IN_CREATE | IN_DELETE) && watch.ino);
	close(ep);
	close(in);
	close(pipes[0]);
	close(pipes[1]);
}

static void check_fdinfo_locks(void)
{
	char name[] = "/tmp/cairn-unit-XXXXXX";
	struct flock fl = { .l_type = F_WRLCK, .l_start = 10, .l_len = 5 };
	struct fdinfo_lock lock;
	struct fdinfo info;
	struct stat st;
	struct scan s;
	size_t len;
	int fd = mkstemp(name);

	CHECK(fd >= 0 && !fstat(fd, &st) && !fcntl(fd, F_SETLK, &fl) && !flock(fd, LOCK_SH));
	CHECK(lseek(fd, 77, SEEK_SET) == 77);
	fdinfo_of(fd, &info, &len);
	CHECK(info.has == FDINFO_LOCKS && info.pos == 77 && (!info.ino || info.ino == st.st_ino));
	for (s = scan_over(text, len); fdinfo_next_lock(&s, &lock);) {
		CHECK(lock.ino == st.st_ino);
		if (lock.type == FDINFO_POSIX)
			CHECK(lock.write && lock.start == 10 && lock.end == 14 &&
			      lock.pid == getpid());
		else
			CHECK(lock.type == FDINFO_FLOCK && !lock.write && lock.end == UINT64_MAX);
	}
	unlink(name);
	close(fd);
}

static void check_fdinfo_pidfd(void)
{
	static const char bad[] = "pos:\t0\nflags:\t02\nit_value: (1, 1000000000)\n";
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	struct err err = ERR_INIT;
	struct fdinfo info;
	size_t len;

	fdinfo_of(fd, &info, &len);
	CHECK(info.has == FDINFO_PIDFD && info.pidfd_pid == getpid());
	CHECK_INT(fdinfo_parse(&info, bad, sizeof(bad) - 1, &err), -EBADMSG);
	CHECK(strstr(err.msg, "1000000000"));
	close(fd);
}

static void check_timers(void)
{
	static const char bad[] = "ID: 1\nsignal: 10/00\nnotify: x/pid.1\nClockID: 0\n";
	struct sigevent sev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct timers_timer t;
	struct timers_cursor c;
	timer_t a, b;

	sev.sigev_value.sival_ptr = text;
	CHECK(!timer_create(CLOCK_MONOTONIC, &sev, &a));
	sev.sigev_notify = SIGEV_NONE;
	CHECK(!timer_create(CLOCK_REALTIME, &sev, &b));
	c = timers_over(text, slurp("/proc/self/timers"));
	for (int n = 0; n < 2; n++) {
		CHECK(timers_next(&c, &t) && !t.thread && t.target == getpid());
		if (t.clock == CLOCK_MONOTONIC)
			CHECK(t.notify == TIMERS_SIGNAL && t.signo == SIGUSR2 &&
			      t.value == (uintptr_t)text);
		else
			CHECK(t.notify == TIMERS_NONE && t.clock == CLOCK_REALTIME);
	}
	CHECK(!timers_next(&c, &t) && !c.bad);
	timer_delete(a);
	timer_delete(b);
	c = timers_over(bad, sizeof(bad) - 1);
	CHECK(!timers_next(&c, &t) && c.bad);
}

static void check_task(void)
{
	static const char call[] = "7 0x1 0x2 0x3 0x4 0x5 0xffffffffffffffff 0x7ffd0 0x7f001\n";
	struct task_syscall sc;
	struct scan s = scan_over("12 345 6 ", 9);
	int32_t pid;

	CHECK(task_next_child(&s, &pid) && pid == 12 && task_next_child(&s, &pid) && pid == 345);
	CHECK(task_next_child(&s, &pid) && pid == 6 && !task_next_child(&s, &pid));
	CHECK(task_parse_syscall(&sc, call, sizeof(call) - 1) && sc.nr == 7 &&
	      sc.args[5] == UINT64_MAX);
	CHECK(sc.sp == 0x7ffd0 && sc.pc == 0x7f001);
	CHECK(task_parse_syscall(&sc, "running\n", 8) && sc.running);
	CHECK(task_parse_syscall(&sc, "-1 0x10 0x20\n", 13) && sc.nr == -1 && sc.sp == 0x10);
	CHECK(!task_parse_syscall(&sc, "7 0x1 0x2", 9) && !task_parse_syscall(&sc, "", 0));
}

static void check_sysvipc(void)
{
	static const char shm[] =
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		"cuid  "
		"cgid      atime      dtime      ctime                   rss                  "
		"swap\n"
		" -12345678      32768  1600                100000    11    12      2  1000   100  "
		"1001   "
		"101 1795481099 1795481100 1795481098                  8192                  4096\n"
		"         0          1   644                    50     7     8      0     0     0  "
		"   0     0 "
		"         0          0         99\n";
	static const char msg[] = "names\n 1 2 600 3 4 5 6 7 8 9 10 11 12 13\n 1 2 600 3 4";
	struct scan s = sysvipc_over(shm, sizeof(shm) - 1);
	struct sysvipc_object o;

	CHECK(sysvipc_next(&s, SYSVIPC_SHM, &o) && o.key == -12345678 && o.id == 32768);
	CHECK(o.mode == (SYSVIPC_DEST | 0600) && o.size == 100000 && o.count == 2);
	CHECK(o.creator == 11 && o.last == 12 && o.cuid == 1001 && o.cgid == 101);
	CHECK(o.ctime == 1795481098 && o.used == 1795481100 && o.resident == 12288);
	CHECK(sysvipc_next(&s, SYSVIPC_SHM, &o) && o.resident == o.size && o.used == 99);
	CHECK(!sysvipc_next(&s, SYSVIPC_SHM, &o) && s.at == s.end);
	s = sysvipc_over(msg, sizeof(msg) - 1);
	CHECK(sysvipc_next(&s, SYSVIPC_MSG, &o) && o.size == 3 && o.count == 4 && o.creator == 5);
	CHECK(o.last == 6 && o.gid == 8 && o.used == 13 && o.ctime == 13);
	CHECK(!sysvipc_next(&s, SYSVIPC_MSG, &o) && s.at != s.end); /* cut off */
	s = sysvipc_over("names\n 1 2 600 3 4 5 6 7 8 9\n", 29);
	CHECK(sysvipc_next(&s, SYSVIPC_SEM, &o) && o.size == 3 && o.cgid == 7 && o.ctime == 9);
}

static void check_igmp(void)
{
	static const char four[] =
		"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
		"1\tlo        :     1      V3\n"
		"\t\t\t\t010000E0     1 0:00000000\t\t0\n"
		"14\teth0      :     2      V3\n"
		"\t\t\t\t0A0B0CEF     1 0:00000000\t\t0\n"
		"\t\t\t\t01000\n";
	static const char six[] =
		"1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
		"4    eth0            ff05000000000000000000000000001\n"
		"44   eth0            ff0500000000000000000000000000fe     1 00000004 0\n";
	struct scan s = scan_over(four, sizeof(four) - 1);
	uint32_t interface = 0;
	uint8_t group[16];

	CHECK(igmp_next(&s, &interface, group) && interface == 1 && group[0] == 0xe0 &&
	      group[3] == 1);
	CHECK(igmp_next(&s, &interface, group) && interface == 14 && group[0] == 0xef &&
	      group[1] == 12 && group[2] == 11 && group[3] == 10);
	CHECK(!igmp_next(&s, &interface, group));
	s = scan_over(six, sizeof(six) - 1);
	CHECK(igmp6_next(&s, &interface, group) && interface == 1 && group[1] == 2);
	CHECK(igmp6_next(&s, &interface, group) && interface == 44 && group[1] == 5 &&
	      group[15] == 0xfe);
	CHECK(!igmp6_next(&s, &interface, group));
}

static void check_rawnet(void)
{
	static const char four[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
		"uid\n"
		" 163: 0100007F:0011 0300007F:0000 01 00000000:00000000 00:00000000 00000000     0"
		"        0 1957658 2 000000006c17e230 0\n"
		"   1: 00000000:0001 00000000:0000 07 00000000:00000000 00:00000000 00000000     "
		"0\n";
	static const char six[] =
		"  58: 00000000000000000000000000000000:003A 000080FE000000000000000002000000:0016 "
		"01 "
		"00000000:00000000 00:00000000 00000000     0        0 17 2 000000006c17e230 0\n";
	struct scan s = scan_over(four, sizeof(four) - 1);
	struct rawnet one;

	CHECK(rawnet_next(&s, false, &one) && one.inode == 1957658 && !one.port);
	CHECK(one.peer[0] == 127 && one.peer[2] == 0 && one.peer[3] == 3);
	CHECK(!rawnet_next(&s, false, &one)); /* cut off */
	s = scan_over(six, sizeof(six) - 1);
	CHECK(rawnet_next(&s, true, &one) && one.inode == 17 && one.port == 0x16);
	CHECK(one.peer[0] == 0xfe && one.peer[1] == 0x80 && one.peer[15] == 2);
	CHECK(!rawnet_next(&s, true, &one));
}

static void check_uring(void)
{
	const char told[] =
		"pos:\t0\nflags:\t02000002\nSqMask:\t0x7\nSqHead:\t24\nSqTail:\t26\n"
		"CachedSqHead:\t25\nCqMask:\t0xf\nCqHead:\t20\nCqTail:\t20\n"
		"CachedCqTail:\t4294967295\nSQEs:\t2\n"
		"    0: opcode:NOP, fd:0, flags:0, off:0, addr:0x0, rw_flags:0x0, "
		"buf_index:0 user_data:7\n"
		"    1: opcode:READ, fd:0, flags:0, off:0, addr:0x0, rw_flags:0x0, "
		"buf_index:0 user_data:7, e0:0x0, e1:0x0\n"
		"CQEs:\t1\n    3: user_data:1, res:0, flag:0\n"
		"SqThread:\t-1\nSqThreadCpu:\t-1\nUserFiles:\t2\n    0: name\n"
		"    1: <none>\nUserBufs:\t2\n    0: <none>\n    1: 0x7f0000001000/8192\n"
		"PollList:\n  op=6, task_works=0\nCqOverflowList:\n"
		"  user_data=5, res=0, flags=0\n  user_data=6, res=0, flags=0\n"
		"NAPI:\tdisabled\n";
	struct scan s = scan_over(told, sizeof(told) - 1);
	struct uring_buffer b;
	struct uring_info u;

	CHECK_INT(uring_parse(&u, told, sizeof(told) - 1, NULL), 0);
	CHECK(u.sq_mask == 7 && u.cq_mask == 15 && u.sq_tail == 26);
	CHECK(u.cached_sq_head == 25 && u.cached_cq_tail == UINT32_MAX && u.sq_thread == -1);
	CHECK(u.files == 2 && u.buffers == 2 && u.polls == 1 && u.overflown == 2);
	CHECK(u.sqes == 2 && u.wide_sqes && !u.wide_cqes && !u.personalities);
	CHECK(uring_next_buffer(&s, &b) && b.index == 1 && b.start == 0x7f0000001000 &&
	      b.len == 8192);
	CHECK(!uring_next_buffer(&s, &b));
	CHECK(uring_parse(&u, told, 40, NULL) < 0);
	CHECK(uring_parse(&u, "SqMask:\tx\n", 10, NULL) < 0);
}

int main(void)
{
	check_igmp();
	check_rawnet();
	check_uring();
	check_maps_crafted();
	check_maps_nonsense();
	check_smaps_crafted();
	check_smaps_self();
	check_status_self();
	check_status_others();
	check_status_nonsense();
	check_stat();
	check_fdinfo_counters();
	check_fdinfo_lists();
	check_fdinfo_locks();
	check_fdinfo_pidfd();
	check_timers();
	check_task();
	check_sysvipc();
	return unit_result();
}
