/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image of one process: the bytes that a checkpoint leaves and a restart reads.
 *
 * A file is: struct img_header; chunks of page contents; tables; the table directory; struct
 * img_trailer. They stand one after the other, with fewer zero bytes between than alignment asks for.
 * A table is an array of records of one struct below. All numbers are little-endian,
 * all structs naturally aligned and without hidden padding. docs/image-format.md tells it in prose.
 *
 * The one rule: records only ever grow at their end. A directory entry carries the size of its
 * records, so that an older file reads as zero in new fields and a newer file is cut to what
 * this reader knows. Anything else is a new table or a new IMG_VERSION. These records are also the
 * only in-memory form of a captured process (image/model.h): nothing is translated twice.
 *
 * Strings and variable-size data: a struct img_ref into the table IMG_T_DATA (plain bytes). Strings are
 * stored with their NUL. Length 0 is "none".
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define IMG_MAGIC "CAIRNIMG"
#define IMG_TRAILER_MAGIC "CAIRNEND"

enum {
	IMG_VERSION = 1,
	IMG_ARCH_X86_64 = 62, /* the ELF machine number */
	IMG_CHUNK_MAX = 1 << 20, /* bytes of pages in one chunk, before compression */
	IMG_CHUNK_ALIGN = 4096, /* chunks begin at multiples of it, and so does what follows them */
	IMG_TABLE_MAX = 64, /* entries in a directory */
};

struct img_ref {
	uint32_t off; /* in IMG_T_DATA */
	uint32_t len; /* bytes, with a string's NUL; 0: none */
};

struct img_header {
	uint8_t magic[8];
	uint32_t version;
	uint32_t arch;
	uint32_t page_size;
	uint32_t header_size; /* bytes of this struct in the file, at most IMG_CHUNK_ALIGN */
	uint64_t reserved[5];
};
_Static_assert(sizeof(struct img_header) == 64, "on disk");

/* Tables. A reader that meets an unknown number >= 0x8000 skips it; below, it refuses by name. */
enum img_table {
	IMG_T_DATA = 1, /* bytes */
	IMG_T_MACHINE, /* one struct img_machine */
	IMG_T_PROCESS, /* one struct img_process */
	IMG_T_THREADS, /* struct img_thread, the leader first */
	IMG_T_VMAS, /* struct img_vma, by address */
	IMG_T_RUNS, /* struct img_run, by address */
	IMG_T_CHUNKS, /* struct img_chunk */
	IMG_T_GUARDS, /* struct img_range: pages under MADV_GUARD_INSTALL */
	IMG_T_SIGACTIONS, /* struct img_sigaction: those that are not default */
	IMG_T_PENDING, /* struct img_pending */
	IMG_T_TIMERS, /* struct img_timer: POSIX timers */
	IMG_T_RLIMITS, /* struct img_rlimit */
	IMG_T_GROUPS, /* uint32_t: supplementary groups */
	IMG_T_FDS, /* struct img_fd, by number */
	IMG_T_FILES, /* struct img_file: open file descriptions */
	IMG_T_EPOLLS, /* struct img_epoll: what epoll descriptions watch */
	IMG_T_ELSEWHERE, /* uint32_t: img_file ids whose records stand in another process's image */
	IMG_T_LOCKS, /* struct img_lock: file locks that the process or its descriptions hold */
	IMG_T_SYSV, /* struct img_sysv: System V objects of the whole computation, in one image */
	IMG_T_SEM_TIES, /* struct img_sem_tie: what ties this process to System V semaphores */
	IMG_T_AIOS, /* struct img_aio, by address */
	IMG_T_EXTENTS, /* struct img_extent: contents of sparse files */
	IMG_T_CREDS, /* struct img_cred: of threads that have others than their process */
	IMG_T_SHARES, /* struct img_share: what is another process's as well, and stands in its image */
	IMG_T_SECCOMPS, /* struct img_seccomp: seccomp filters */
	IMG_T_OPTIONAL = 0x8000,
	IMG_T_POLICIES = IMG_T_OPTIONAL, /* struct img_policy: NUMA policies that are not default */
};

struct img_dirent { /* one table */
	uint32_t table; /* enum img_table */
	uint32_t record_size;
	uint64_t offset; /* in the file, 8-byte aligned */
	uint64_t count; /* records */
	uint64_t xxh3; /* XXH3_64bits of count * record_size bytes */
};
_Static_assert(sizeof(struct img_dirent) == 32, "on disk");

struct img_trailer { /* the last bytes of the file */
	uint64_t dir_offset;
	uint32_t dir_count;
	uint32_t reserved;
	uint64_t header_xxh3; /* of header_size bytes from the beginning of the file */
	uint64_t dir_xxh3; /* of the directory: with tables' and chunks' own sums, of all */
	uint64_t file_size;
	uint64_t self_xxh3; /* of the trailer up to here */
	uint8_t magic[8];
	uint64_t pad;
};
_Static_assert(sizeof(struct img_trailer) == 64, "on disk");

enum img_codec { IMG_CODEC_NONE, IMG_CODEC_ZSTD, IMG_CODEC_LZ4 };

/*
 * Page contents: up to IMG_CHUNK_MAX bytes of pages, one after the other as the runs name them.
 */
struct img_chunk {
	uint64_t offset; /* in the file */
	uint32_t stored_len; /* bytes in the file */
	uint32_t raw_len; /* bytes of pages */
	uint64_t xxh3; /* XXH3_64bits of the stored bytes */
	uint32_t codec; /* enum img_codec */
	/* 0: this file; else the process in whose image, PID.img beside this one, the chunk stands */
	uint32_t source;
};
_Static_assert(sizeof(struct img_chunk) == 32, "on disk");

/* @len bytes of pages at @addr stand in chunk @chunk from byte @offset. Never crosses a chunk. */
struct img_run {
	uint64_t addr;
	uint32_t len; /* bytes, a multiple of the page size */
	uint32_t chunk;
	uint32_t offset;
	uint32_t reserved;
};
_Static_assert(sizeof(struct img_run) == 24, "on disk");

struct img_range {
	uint64_t addr, len; /* bytes */
};

struct img_machine {
	struct img_ref release; /* uname -r */
	struct img_ref hostname;
	struct img_ref boot_id;
	struct img_ref cpu_model;
	struct img_ref vdso; /* the whole [vdso] area, to tell whether a restart's is the same */
	struct img_ref cpu_features; /* uint32_t words of struct cpu_features, base/arch */
	uint64_t xfeatures; /* XCR0: what the xsave areas may hold */
	uint32_t xsave_size; /* bytes of one NT_X86_XSTATE */
	uint32_t reserved;
	int64_t realtime_ns, monotonic_ns, boottime_ns; /* at the moment of the capture */
};
_Static_assert(sizeof(struct img_machine) == 88, "on disk");

enum {
	IMG_PROC_ROOT = 1 << 0, /* what the agent launched or adopted: its exit status is ours */
	IMG_PROC_ZOMBIE =
		1 << 1, /* ended, not yet waited for: exit_code, ids and comm, nothing else */
	IMG_PROC_STOPPED = 1 << 2, /* stopped by job control: stop_signal */
	IMG_PROC_SUBREAPER = 1 << 3,
	IMG_PROC_THP_DISABLE = 1 << 4,
	IMG_PROC_KEEPCAPS = 1 << 5,
	IMG_PROC_SESSION_TTY = 1 << 6, /* has a controlling terminal */
	IMG_PROC_FOREGROUND = 1 << 7, /* its group is that terminal's foreground group */
	IMG_PROC_LEADER_EXITED = 1 << 8, /* the leading thread has ended, others go on */
	IMG_PROC_JOINED = 1 << 9, /* started beside the root: the agent waits for its end as well */
	IMG_PROC_LOCK_FUTURE = 1 << 10, /* mlockall(MCL_FUTURE) */
	IMG_PROC_MEMORY_MERGE = 1 << 11, /* PR_SET_MEMORY_MERGE */
	IMG_PROC_THP_ADVISED = 1 << 12, /* PR_SET_THP_DISABLE but for memory that is advised */
	IMG_PROC_STOP_TOLD = 1 << 13, /* its parent has waited for its stop */
	IMG_PROC_CONTINUED = 1 << 14, /* its parent has not waited for its going on */
	IMG_PROC_LOGIN = 1 << 15, /* loginuid is known */
};

struct img_process {
	/* As the process itself sees them; ppid: the agent's for a root. */
	int32_t pid, ppid, pgid, sid;
	uint32_t flags;
	uint32_t exit_code; /* of a zombie, as wait(2) gives it */
	uint32_t stop_signal;
	uint32_t exit_signal; /* what its parent gets when it ends (SIGCHLD) */
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	uint32_t securebits;
	uint32_t umask;
	uint32_t personality;
	uint32_t dumpable; /* PR_GET_DUMPABLE */
	int32_t oom_score_adj;
	uint32_t coredump_filter;
	uint64_t membarrier; /* MEMBARRIER_CMD_GET_REGISTRATIONS, 0 where unknown */
	uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	uint64_t arg_start, arg_end, env_start, env_end;
	struct img_ref auxv;
	struct img_ref exe; /* path */
	struct img_ref cwd;
	struct img_ref root; /* "/" unless chrooted below the agent */
	uint64_t exe_dev, exe_ino, exe_size;
	int64_t exe_mtime_ns;
	int64_t itimer_value_us[3], itimer_interval_us[3]; /* REAL, VIRTUAL, PROF: time left */
	int64_t utime_ns, stime_ns;
	uint64_t vdso_start, vdso_end; /* where this process has its vdso; 0: none */
	/*
	 * Where in the vdso a few instructions of Cairn's stand, which finish calls that were found half-way
	 * (img_thread.done): something may still go back there. 0: nowhere.
	 */
	uint64_t detour;
	struct img_ref exe_data; /* the bytes of exe where that has no name any more */
	char comm[16]; /* of a zombie: its name; others have theirs with their first thread */
	uint32_t cwd_file; /* id of an img_file: the removed directory that cwd is; 0: by path */
	uint32_t loginuid; /* of the login that it is accounted to; UINT32_MAX: to none */
	uint64_t reserved2;
};
_Static_assert(sizeof(struct img_process) == 416, "on disk");

enum {
	IMG_VMA_SHARED = 1 << 0, /* MAP_SHARED */
	IMG_VMA_GROWSDOWN = 1 << 1,
	IMG_VMA_NORESERVE = 1 << 2,
	IMG_VMA_LOCKED = 1 << 3, /* mlock */
	IMG_VMA_LOCKONFAULT = 1 << 4,
	IMG_VMA_DROPPABLE = 1 << 5,
	IMG_VMA_SEALED = 1 << 6,
	IMG_VMA_HUGETLB = 1 << 7,
	IMG_VMA_HUGE_1GB = 1 << 8, /* with HUGETLB; else the default size */
	IMG_VMA_ELSEWHERE = 1 << 9, /* shared: contents stand with other mappings, or the file */
	IMG_VMA_SWAPPED =
		1 << 10, /* shared: some of it was swapped out, and so all of it is kept */
	IMG_VMA_MAYWRITE = 1 << 11, /* shared file: mprotect may make it writable */
};

enum img_vma_kind {
	IMG_VMA_ANON = 1, /* private or shared anonymous; shared ones carry object */
	IMG_VMA_FILE, /* a file by path: IMG_T_FILES record file */
	IMG_VMA_VDSO,
	IMG_VMA_VVAR, /* any of the kernel's data areas beside the vdso */
	IMG_VMA_VSYSCALL,
	IMG_VMA_MEMFD, /* memfd or deleted file: contents in the image, object says which */
	IMG_VMA_AIO, /* the ring of an AIO context: one of IMG_T_AIOS */
	IMG_VMA_URING, /* a part of the io_uring that is file: offset says which */
	IMG_VMA_SOCKET, /* all rings of the packet socket that is file: contents stand there */
	IMG_VMA_KINDS, /* one past the last */
};

/* img_vma.object of a System V segment: this and its id. */
#define IMG_OBJECT_SYSV (UINT64_C(1) << 63)

struct img_vma {
	uint64_t start, end;
	uint64_t offset; /* in the file or object, bytes */
	uint32_t prot; /* PROT_* */
	uint32_t flags; /* IMG_VMA_* */
	uint32_t kind; /* enum img_vma_kind */
	uint32_t file; /* id of an img_file, or 0 */
	/* Same number, same memory, also between processes: device and inode folded. */
	uint64_t object;
	/* 1 << MADV_x for x that stick: DONTFORK HUGEPAGE NOHUGEPAGE DONTDUMP ... */
	uint64_t advice;
	struct img_ref name; /* PR_SET_VMA_ANON_NAME, or the kernel's: "[heap]", "[stack]" */
	uint32_t protection_key;
	uint32_t reserved;
};
_Static_assert(sizeof(struct img_vma) == 72, "on disk");

enum {
	IMG_THREAD_NO_NEW_PRIVS = 1 << 0,
	IMG_THREAD_SECCOMP = 1 << 1, /* seccomp of its own: seccomp_mode, filter */
	IMG_THREAD_EXITED = 1 << 2, /* a leader that ended while others go on */
	IMG_THREAD_SUD = 1 << 3, /* syscall user dispatch: sud_* */
	IMG_THREAD_NO_TSC = 1 << 4, /* PR_SET_TSC: PR_TSC_SIGSEGV */
	IMG_THREAD_MCE_EARLY = 1 << 5, /* PR_MCE_KILL: PR_MCE_KILL_EARLY */
	IMG_THREAD_MCE_LATE = 1 << 6, /* or PR_MCE_KILL_LATE; else the default */
	IMG_THREAD_IO_FLUSHER = 1 << 7, /* PR_SET_IO_FLUSHER */
};

/*
 * A thread, ready to go on: if a system call was interrupted, regs already stand before its
 * instruction with the number in rax, orig_rax is -1, and nothing is left for a kernel to restart.
 */
struct img_thread {
	int32_t tid;
	uint32_t flags;
	/* struct user_regs_struct, in its order; fs_base and gs_base among them. */
	uint64_t regs[27];
	struct img_ref xsave; /* NT_X86_XSTATE */
	struct img_ref affinity; /* CPU mask */
	uint64_t sigmask;
	uint64_t altstack_sp, altstack_size;
	uint32_t altstack_flags;
	uint32_t seccomp_mode;
	uint64_t clear_child_tid; /* PR_GET_TID_ADDRESS */
	uint64_t robust_head, robust_len;
	uint64_t rseq_ptr;
	uint32_t rseq_size, rseq_sig, rseq_flags;
	uint32_t pdeathsig;
	uint32_t sched_policy;
	int32_t sched_priority, nice;
	uint32_t ioprio;
	uint64_t sched_runtime, sched_deadline, sched_period; /* SCHED_DEADLINE */
	uint64_t timerslack_ns;
	uint64_t sud_mode, sud_offset, sud_len, sud_selector;
	char comm[16];
	/*
	 * For a relative sleep that the restart begins anew: time left, or -1 where unknown. The
	 * restorer writes it where the call's arguments point before the thread goes on.
	 */
	int64_t time_left_ns;
	/*
	 * What the kernel had in mind for the interrupted call: ERESTARTSYS (512), ERESTARTNOINTR,
	 * ERESTARTNOHAND or ERESTART_RESTARTBLOCK; 0: none. A signal that comes before the call
	 * has begun again must find it still interrupted, or pause() would miss it.
	 */
	uint32_t interrupted;
	uint32_t sched_flags; /* SCHED_FLAG_RESET_ON_FORK, RECLAIM, DL_OVERRUN */
	/*
	 * Of a blocking call (a write to a full pipe): bytes of it that were made before the checkpoint. The
	 * restart makes the rest; the program gets the sum.
	 */
	uint64_t done;
	uint32_t util_min, util_max; /* utilization clamps; 0 and 0: unknown, or not to be had */
	/* PR_SPEC_DISABLE or PR_SPEC_FORCE_DISABLE, of store bypass and of indirect branches; else 0 */
	uint16_t no_store_bypass, no_indirect_branch;
	uint32_t filter; /* its newest: which of IMG_T_SECCOMPS, from 1 on; 0: none */
};
_Static_assert(sizeof(struct img_thread) == 456, "on disk");

enum { IMG_SECCOMP_LOG = 1 << 0 }; /* SECCOMP_FILTER_FLAG_LOG */

/* A seccomp filter and what it was put on top of: a thread has one and all below it. */
struct img_seccomp {
	uint32_t below; /* which of those before it, from 1 on; 0: nothing */
	uint32_t flags; /* IMG_SECCOMP_* */
	struct img_ref program; /* struct sock_filter; equal ones may be one */
};
_Static_assert(sizeof(struct img_seccomp) == 16, "on disk");

/* Credentials of a thread: in img_process and `groups` stand those of the thread that stands for it. */
struct img_cred {
	int32_t tid;
	uint32_t reserved;
	uint32_t uid[4], gid[4]; /* real, effective, saved, file system */
	uint64_t cap_inheritable, cap_permitted, cap_effective, cap_bounding, cap_ambient;
	struct img_ref groups; /* uint32_t: supplementary groups */
};
_Static_assert(sizeof(struct img_cred) == 88, "on disk");

/* On which NUMA nodes memory shall be: of a mapping, or where start and end are 0 of thread @tid. */
struct img_policy {
	uint64_t start, end;
	int32_t tid;
	uint32_t mode; /* MPOL_*, with its flags */
	uint64_t nodes[16]; /* bit n: node n */
};
_Static_assert(sizeof(struct img_policy) == 152, "on disk");

struct img_sigaction {
	uint32_t signo;
	uint32_t reserved;
	uint64_t handler, flags, restorer, mask;
};
_Static_assert(sizeof(struct img_sigaction) == 40, "on disk");

struct img_pending {
	int32_t tid; /* 0: pending for the whole process */
	uint32_t reserved;
	uint8_t siginfo[128];
};
_Static_assert(sizeof(struct img_pending) == 136, "on disk");

struct img_timer {
	int32_t id;
	uint32_t clock; /* as timer_create had it; CPU clocks in the kernel's encoding */
	uint32_t notify; /* SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID */
	uint32_t signo;
	int32_t tid; /* SIGEV_THREAD_ID */
	uint32_t reserved;
	uint64_t value; /* sigev_value */
	int64_t left_ns, interval_ns; /* left 0: disarmed */
	int64_t overrun;
};
_Static_assert(sizeof(struct img_timer) == 56, "on disk");

struct img_rlimit {
	uint32_t resource, reserved;
	uint64_t soft, hard;
};

struct img_fd {
	int32_t fd;
	uint32_t flags; /* FD_CLOEXEC */
	uint32_t file; /* id of an img_file */
	uint32_t reserved;
};

/* What an open file description is; each kind is one file in src/res. Numbers never change. */
enum img_file_kind {
	IMG_F_REG = 1, /* regular file by path */
	IMG_F_DIR,
	IMG_F_CHR, /* null, zero, full, random, urandom, tty by name */
	IMG_F_TTY, /* a terminal; object is that of its IMG_F_PTMX, if any, or 0 for /dev/tty */
	IMG_F_PIPE, /* one end: object names the pipe, data what is in it */
	IMG_F_FIFO,
	IMG_F_EVENTFD,
	IMG_F_EPOLL,
	IMG_F_TIMERFD,
	IMG_F_SIGNALFD,
	IMG_F_MEMFD,
	IMG_F_SOCKET,
	IMG_F_INOTIFY,
	IMG_F_PIDFD,
	IMG_F_PROC, /* a file below /proc or /sys */
	IMG_F_MAPPED, /* no descriptor: a file that only a mapping names */
	IMG_F_PTMX, /* the master of a pseudo-terminal: data begins with a struct img_pty */
	IMG_F_INET, /* TCP or UDP, IPv4 or IPv6 */
	IMG_F_UNIX, /* UNIX socket */
	IMG_F_NAMED, /* no descriptor: a file that the user has named */
	IMG_F_MQUEUE, /* POSIX message queue: data is struct img_mq_message, in the order of receipt */
	IMG_F_URING, /* io_uring: data begins with a struct img_uring */
	IMG_F_PACKET, /* packet socket: data begins with a struct img_packet */
	IMG_F_KINDS, /* one past the last */
};

enum {
	IMG_FILE_DELETED = 1 << 0, /* no name any more: contents in the image (chunks via saved) */
	IMG_FILE_SAVED = 1 << 1, /* contents in the image: data */
	IMG_FILE_ROLLBACK =
		1 << 2, /* cut back to size on restart; given back its contents if saved */
	IMG_FILE_OUTSIDE = 1 << 3, /* came from outside; not part of what we own */
	IMG_FILE_EXECUTABLE = 1 << 4, /* mapped executable: a changed one is refused */
	IMG_FILE_OPATH = 1 << 5,
	IMG_FILE_HUNG_UP = 1 << 6, /* a terminal whose other end is gone */
	IMG_FILE_MEMORY =
		1 << 7, /* temporary and mapped to be shared: made anew, contents in runs */
	IMG_FILE_FILTER_LOCKED = 1 << 8, /* a socket: its filter cannot be changed any more */
	/* << 0, 1, 2: what was that standard stream; of a terminal mostly all three */
	IMG_FILE_STREAM = 1 << 16,
	IMG_FILE_STREAMS = 7 << 16,
};

enum { IMG_LEASE_BREAKING = 1 << 8 }; /* it has been told to become the one that F_GETLEASE shows */

/* One open file description, or the file behind a mapping. Ids are unique in a generation. */
struct img_file {
	uint32_t id; /* > 0 */
	uint32_t kind; /* enum img_file_kind */
	uint32_t open_flags; /* O_*: access mode and status flags */
	uint32_t flags; /* IMG_FILE_* */
	/* 0, 1, 2: the restart's own stream of that number (see IMG_FILE_STREAM); -1: no */
	int32_t std_stream;
	uint32_t mode; /* st_mode */
	uint64_t pos; /* file position */
	uint64_t dev, ino, rdev;
	uint64_t size;
	int64_t mtime_ns;
	uint64_t object; /* the kernel object several descriptions share: a pipe's inode, ... */
	struct img_ref path;
	struct img_ref data; /* pipe contents, saved contents, socket state: as the kind says */
	int32_t owner_type, owner_pid, owner_signal; /* F_GETOWN_EX, F_GETSIG */
	int32_t lease; /* F_GETLEASE; IMG_LEASE_BREAKING */
	/* As the kind says: eventfd count and flags, timerfd times, pipe size, ... */
	uint64_t arg[8];
	struct img_ref filter; /* of a socket, SO_ATTACH_FILTER: struct sock_filter */
};
_Static_assert(sizeof(struct img_file) == 184, "on disk");

/* Of a file with holes, whose data is empty: bytes that stand in it. Of one file in their order. */
struct img_extent {
	uint64_t offset; /* in the file */
	uint32_t file; /* id of an img_file of this image */
	uint32_t reserved;
	struct img_ref data;
};
_Static_assert(sizeof(struct img_extent) == 24, "on disk");

enum {
	IMG_PTY_LOCKED = 1 << 0, /* TIOCSPTLCK: the slave cannot be opened */
	IMG_PTY_PACKET = 1 << 1, /* TIOCPKT */
	IMG_PTY_EXCLUSIVE = 1 << 2, /* TIOCEXCL on the master */
	IMG_PTY_HUNG_UP = 1 << 3, /* the slave had been open and is no longer */
	IMG_PTY_STOPPED = 1 << 4, /* output stopped, as by ^S */
	IMG_PTY_SLAVE_EXCLUSIVE = 1 << 5,
};

/*
 * A pseudo-terminal. Behind it in the data: output_len bytes that were written to the slave and not read
 * from the master; input_len bytes of what was typed and not read, each line as a uint32_t length (with
 * IMG_PTY_LINE_EOF where it was ended by the end-of-file character, which is not in it) and its
 * bytes, the unfinished one last.
 */
struct img_pty {
	uint32_t index; /* the N of /dev/pts/N */
	uint32_t flags; /* IMG_PTY_* */
	int32_t session, foreground; /* whose terminal it was, and the group there; 0: none */
	uint32_t uid, gid, mode; /* of the slave's name; mode 0: unknown */
	uint32_t termios[4]; /* input, output, control, local modes: struct termios2 */
	uint32_t speed[2]; /* input, output */
	uint8_t line;
	uint8_t cc[19];
	uint16_t size[4]; /* rows, columns, pixels across, pixels down */
	uint32_t output_len, input_len;
};
_Static_assert(sizeof(struct img_pty) == 88, "on disk");

enum {
	IMG_PTY_LINE_EOF = 1u << 30,
	IMG_PTY_LINE_PART =
		1u << 29, /* no line: what was typed of one so far, or where there are none */
	IMG_PTY_LINE_LEN = (1u << 29) - 1,
};

/*
 * An io_uring with no request in flight. Behind it in the data: a struct img_range for each of @buffers
 * that are registered, in the memory of the process whose image this is (len 0: an empty place);
 * ring_size bytes of the two rings, sqes_size bytes of the entries for submission. The program knows the
 * offsets: they must be the same again.
 */
struct img_uring {
	uint32_t sq_entries, cq_entries;
	uint32_t flags; /* IORING_SETUP_*, as far as that can be told, and needed */
	uint32_t sq_head, cq_tail; /* where the kernel stands; it counts from 0 without end */
	uint32_t ring_size, sqes_size;
	uint32_t sq_off[7]; /* head, tail, ring_mask, ring_entries, flags, dropped, array */
	uint32_t cq_off[7]; /* head, tail, ring_mask, ring_entries, overflow, cqes, flags */
	uint32_t buffers;
};
_Static_assert(sizeof(struct img_uring) == 88, "on disk");

enum img_share_what {
	IMG_SHARE_FILES = 1, /* the table of descriptors, and what it locks: fds, POSIX locks */
	IMG_SHARE_FS, /* working directory, root directory, umask */
};

/* What processes have in common that are not threads of one (clone(2)): each kind once at most. */
struct img_share {
	uint32_t what; /* enum img_share_what */
	int32_t pid; /* of the process that has it in its image; which has no such record of it */
};
_Static_assert(sizeof(struct img_share) == 8, "on disk");

struct img_packet_ring { /* as struct tpacket_req3 has it, in bytes and ms; all 0: none */
	uint32_t block_size, blocks, frame_size, frames;
	uint32_t retire_ms, private_size, features; /* of TPACKET_V3 */
};

struct img_packet_member { /* of what an interface is asked to receive */
	char interface[16];
	uint32_t count; /* so many times */
	uint16_t type, address_len; /* PACKET_MR_* */
	uint8_t address[32];
	uint8_t zero[8];
};
_Static_assert(sizeof(struct img_packet_member) == 64, "on disk");

/* A place of the receiving ring that is the program's: one frame, of TPACKET_V3 one block. */
struct img_packet_place { /* then its bytes */
	uint32_t number, reserved;
};

enum { IMG_PACKET_OPTIONS = 12 };

/*
 * Behind it in the data, each from a multiple of 8 on: options_len bytes of options, as network sockets have
 * them; struct img_packet_member, members of them; struct img_packet_place, places of them.
 */
struct img_packet {
	uint16_t protocol; /* ETH_P_*; 0: none */
	uint16_t running; /* 1: its interface was up */
	uint32_t options_set; /* bit n: option[n] is known */
	int32_t option[IMG_PACKET_OPTIONS];
	char interface[16]; /* that it is bound to; empty: all */
	uint32_t sndbuf, rcvbuf, buffers_locked; /* as those of network sockets */
	uint32_t fanout; /* as PACKET_FANOUT has it; 0: none */
	struct img_packet_ring receive, send;
	uint32_t head; /* the place that the kernel fills next */
	uint32_t options_len, members, places;
};
_Static_assert(sizeof(struct img_packet) == 160, "on disk");

enum img_lock_type { IMG_LOCK_POSIX = 1, IMG_LOCK_OFD, IMG_LOCK_FLOCK };

struct img_lock {
	int32_t fd; /* a descriptor of this process for the file */
	uint32_t type; /* enum img_lock_type */
	uint32_t write; /* 0: shared, 1: exclusive */
	int32_t pid; /* who has taken it, of those that share the descriptors; 0: this process */
	uint64_t start, len; /* bytes; len 0: to the end of the file, however long it gets */
};
_Static_assert(sizeof(struct img_lock) == 32, "on disk");

struct img_epoll {
	uint32_t file; /* the epoll's id */
	int32_t fd; /* the number under which the target was added */
	uint32_t target; /* the target's img_file id */
	uint32_t events;
	uint64_t data;
};
_Static_assert(sizeof(struct img_epoll) == 24, "on disk");

enum img_sysv_type { IMG_SYSV_SHM = 1, IMG_SYSV_SEM, IMG_SYSV_MSG };

enum {
	IMG_SYSV_DEST = 01000, /* img_sysv.mode: a removed segment that is still attached */
	IMG_SYSV_LOCKED = 02000, /* SHM_LOCK */
	IMG_SYSV_PERMS = 0777,
};

/* A System V object: a segment, a set of semaphores, a message queue. */
struct img_sysv {
	uint32_t type; /* enum img_sysv_type */
	int32_t id, key;
	uint32_t mode; /* permissions, IMG_SYSV_* */
	uint32_t uid, gid, cuid, cgid; /* owner and creator */
	uint64_t size; /* bytes of a segment, semaphores of a set, most bytes in a queue */
	int64_t ctime; /* seconds since the epoch: tells an object from a later one of the same id */
	/*
	 * shm: contents, where no process has all of it mapped (else they are those mappings').
	 * sem: a struct img_sem each. msg: struct img_msg, each with its bytes, oldest first.
	 */
	struct img_ref data;
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct img_sysv) == 72, "on disk");

struct img_sem {
	uint32_t value;
	int32_t pid; /* the last to change it */
};

/* Messages of queues follow each other at multiples of 8 bytes: what @len bytes of one take. */
static inline uint64_t img_padded(uint64_t len)
{
	return (len + 7) / 8 * 8;
}

/* A message of a POSIX queue; in the image of one process, however many have the queue open. */
struct img_mq_message {
	uint32_t len; /* bytes that follow, and then up to a multiple of 8 */
	uint32_t priority;
};
_Static_assert(sizeof(struct img_mq_message) == 8, "on disk");

struct img_msg {
	int64_t type;
	uint32_t len; /* bytes that follow, and then up to a multiple of 8 */
	uint32_t reserved;
};

/* What a process will undo at its end, and that it was the last to change a semaphore. */
struct img_sem_tie {
	int32_t id;
	uint32_t num; /* of the semaphore in its set */
	uint32_t value; /* of the semaphore at the checkpoint */
	int32_t adjust; /* added to it when the process ends (semadj) */
	uint32_t last; /* 1: its sempid is this process */
	uint32_t reserved;
};
_Static_assert(sizeof(struct img_sem_tie) == 24, "on disk");

/* An AIO context: the ring that is mapped at @address, with no request in flight. */
struct img_aio {
	uint64_t address;
	uint32_t
		nr; /* events that there is room for: all of the mapping behind the first 32 bytes */
	uint32_t head,
		tail; /* of those that have not been reaped: the first, and behind the last */
	uint32_t reserved;
};
_Static_assert(sizeof(struct img_aio) == 24, "on disk");

/*
 * The fewest events to ask io_setup for that give room for @nr. It makes twice as many and three, and as many
 * more as there is room for in the last page (or, on a machine with many CPUs, more than that).
 */
static inline uint32_t img_aio_ask(uint32_t nr)
{
	enum { PAGE = 128 }; /* events */

	return nr < PAGE ? 1 : (nr - nr % PAGE) / 2 - 1;
}
