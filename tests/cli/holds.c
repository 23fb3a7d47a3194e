/* SPDX-License-Identifier: Apache-2.0 */
/* holds WHAT: hold something that no checkpoint can keep, and count lines as the shell's counter does. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

static int ring_fd;
static struct io_uring_params ring;
static char *ring_words;
static struct io_uring_sqe *ring_sqes;

static long hold_ring_with(unsigned int flags)
{
	ring.flags = flags;
	ring_fd = (int)syscall(SYS_io_uring_setup, 8, &ring);
	if (ring_fd < 0)
		return -1;
	ring_words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	ring_sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, IORING_OFF_SQES);
	return ring_words == MAP_FAILED || (void *)ring_sqes == MAP_FAILED ? -1 : 0;
}

static long hold_ring_request(struct io_uring_sqe request)
{
	if (hold_ring_with(0) < 0)
		return -1;
	*ring_sqes = request;
	__atomic_store_n((unsigned int *)(void *)(ring_words + ring.sq_off.tail), 1u,
			 __ATOMIC_RELEASE);
	return syscall(SYS_io_uring_enter, ring_fd, 1, 0, 0, NULL, 0) == 1 ? 0 : -1;
}

static long hold_ring_register(unsigned int what, const void *arg, unsigned int n)
{
	return hold_ring_with(0) < 0 ? -1 : syscall(SYS_io_uring_register, ring_fd, what, arg, n);
}

/* Requests that end when a pipe is readable, and in a long time. */
static long hold_ring_poll(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	return hold_ring_request((struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = ends[0], .poll32_events = POLLIN });
}

static long hold_ring_timeout(void)
{
	static const struct __kernel_timespec day = { .tv_sec = 86400 };

	return hold_ring_request((struct io_uring_sqe){
		.opcode = IORING_OP_TIMEOUT, .addr = (uintptr_t)&day, .len = 1 });
}

static long hold_ring_eventfd(void)
{
	int fd = eventfd(0, 0);

	return hold_ring_register(IORING_REGISTER_EVENTFD, &fd, 1);
}

static long hold_ring_files(void)
{
	int fd = 0;

	return hold_ring_register(IORING_REGISTER_FILES, &fd, 1);
}

/* Memory that is registered, and not mapped any more. */
static long hold_ring_buffers(void)
{
	struct iovec vec = { NULL, 4096 };

	vec.iov_base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vec.iov_base == MAP_FAILED || hold_ring_register(IORING_REGISTER_BUFFERS, &vec, 1) < 0)
		return -1;
	return munmap(vec.iov_base, 4096);
}

static long hold_ring_choice(void)
{
	static char buffers[4096] __attribute__((aligned(4096)));
	uint64_t reg[5] = { (uintptr_t)buffers, 8 | UINT64_C(3) << 32 }; /* 8 entries, group 3 */

	return hold_ring_register(22, reg, 1); /* IORING_REGISTER_PBUF_RING */
}

static long hold_ring_number(void)
{
	struct io_uring_rsrc_update update = { .offset = 0 };

	if (hold_ring_with(0) < 0)
		return -1;
	update.data = (unsigned int)ring_fd;
	return syscall(SYS_io_uring_register, ring_fd, IORING_REGISTER_RING_FDS, &update, 1);
}

static long hold_ring_thread(void)
{
	return hold_ring_with(IORING_SETUP_SQPOLL);
}

static long hold_ring_polled(void)
{
	return hold_ring_with(IORING_SETUP_IOPOLL);
}

static long hold_ring_disabled(void)
{
	return hold_ring_with(IORING_SETUP_R_DISABLED);
}

static long hold_ring_wide(void)
{
	return hold_ring_with(IORING_SETUP_SQE128);
}

/* The descriptor is gone, the memory is not. */
static long hold_ring_closed(void)
{
	return hold_ring_with(0) < 0 ? -1 : close(ring_fd);
}

/* A request in flight for ever: a pipe will be readable. */
static long hold_aio(void)
{
	static aio_context_t context;
	static struct iocb request = { .aio_lio_opcode = IOCB_CMD_POLL, .aio_buf = POLLIN };
	struct iocb *all = &request;
	int ends[2];

	if (pipe(ends) < 0 || syscall(SYS_io_setup, 16, &context) < 0)
		return -1;
	request.aio_fildes = (uint32_t)ends[0];
	return syscall(SYS_io_submit, context, 1L, &all);
}

static long hold_userfault(void)
{
	return syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY | O_CLOEXEC);
}

static long hold_counter(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_TASK_CLOCK,
					.exclude_kernel = 1 };

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static long hold_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* A connection whose data are mapped, not copied. */
static long hold_received(void)
{
	struct sockaddr_in to = { 0 };
	socklen_t len = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM, 0), end = socket(AF_INET, SOCK_STREAM, 0);
	int accepted;

	if (listen(listener, 1) < 0 || getsockname(listener, (struct sockaddr *)&to, &len) < 0)
		return -1;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(end, (struct sockaddr *)&to, len) < 0)
		return -1;
	accepted = accept(listener, NULL, NULL);
	return mmap(NULL, 65536, PROT_READ, MAP_SHARED, accepted, 0) == MAP_FAILED ? -1 : 0;
}

static long hold_secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	if (fd < 0 || ftruncate(fd, 4096) ||
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return -1;
	return close(fd);
}

static long hold_huge(void)
{
	int fd = memfd_create("huge", MFD_HUGETLB);

	return fd < 0 ? fd : ftruncate(fd, 4 << 20);
}

static long hold_fanotify(void)
{
	return syscall(SYS_fanotify_init, 0x200 /* FAN_REPORT_FID */, 0);
}

static long hold_vsock(void)
{
	return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static void __attribute__((noreturn)) * pauses(void *tid)
{
	__atomic_store_n((int *)tid, (int)gettid(), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

/* A pidfd (Linux 6.9) for a thread that is not the first. */
static long hold_thread(void)
{
	enum { PIDFD_THREAD = O_EXCL };
	static int tid;
	pthread_t t;

	if (pthread_create(&t, NULL, pauses, &tid))
		return -1;
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST))
		sched_yield();
	return syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
}

/* To be told of pressure on the CPUs. */
static long hold_pressure(void)
{
	static const char trigger[] = "some 500000 2000000";
	int fd = open("/proc/pressure/cpu", O_RDWR | O_NONBLOCK);

	return fd >= 0 && write(fd, trigger, sizeof(trigger)) > 0 ? fd : -1;
}

/* A mount that is nowhere, of what is here. */
static long hold_mount(void)
{
	return syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE);
}

/* One that a child has made for itself, and that is kept alive by us alone. */
static long hold_namespace(void)
{
	char path[64], c;
	int ends[2], fd = -1;
	pid_t pid;

	if (pipe(ends) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) == 0 && write(ends[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", pid);
	if (read(ends[0], &c, 1) == 1)
		fd = open(path, O_RDONLY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return fd;
}

/* Both ends of a connection by MPTCP. */
static long hold_multipath(void)
{
	enum { MPTCP = 262 };
	struct sockaddr_in name = { .sin_family = AF_INET };
	int server = socket(AF_INET, SOCK_STREAM, MPTCP),
	    client = socket(AF_INET, SOCK_STREAM, MPTCP);
	socklen_t len = sizeof(name);

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (client < 0 || bind(server, (void *)&name, sizeof(name)) || listen(server, 1) ||
	    getsockname(server, (void *)&name, &len) ||
	    connect(client, (void *)&name, sizeof(name)))
		return -1;
	return accept(server, NULL, NULL);
}

/* A datagram that is to have more in it. */
static long hold_cork(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (setsockopt(fd, IPPROTO_UDP, UDP_CORK, &one, sizeof(one)))
		return -1;
	return sendto(fd, "hello", 5, 0, (void *)&name, sizeof(name)) == 5 ? 0 : -1;
}

/* A connection that has not been accepted, with something sent over it. */
static long hold_unaccepted(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "holds-%d", getpid());
	if (bind(listener, (void *)&name, sizeof(name)) || listen(listener, 1) ||
	    connect(client, (void *)&name, sizeof(name)))
		return -1;
	return write(client, "hello", 5) == 5 ? 0 : -1;
}

/* No memory may be written and executed any more: since Linux 6.3. */
static long hold_mdwe(void)
{
	return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L);
}

/* A filter that leaves one call to a supervisor, which is to be asked by the descriptor that this returns. */
static long hold_listener(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kcmp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
		       &program);
}

/* And of which nothing is to be seen here. */
static long hold_supervised(void)
{
	long fd = hold_listener();

	return fd < 0 ? -1 : close((int)fd);
}

static const struct {
	const char *what;
	long (*hold)(void);
} things[] = {
	{ "ring_poll", hold_ring_poll },
	{ "ring_timeout", hold_ring_timeout },
	{ "ring_eventfd", hold_ring_eventfd },
	{ "ring_files", hold_ring_files },
	{ "ring_buffers", hold_ring_buffers },
	{ "ring_choice", hold_ring_choice },
	{ "ring_number", hold_ring_number },
	{ "ring_thread", hold_ring_thread },
	{ "ring_polled", hold_ring_polled },
	{ "ring_disabled", hold_ring_disabled },
	{ "ring_wide", hold_ring_wide },
	{ "ring_closed", hold_ring_closed },
	{ "aio", hold_aio },
	{ "userfaultfd", hold_userfault },
	{ "counter", hold_counter },
	{ "bpf", hold_bpf },
	{ "secret", hold_secret },
	{ "huge", hold_huge },
	{ "received", hold_received },
	{ "fanotify", hold_fanotify },
	{ "vsock", hold_vsock },
	{ "thread", hold_thread },
	{ "pressure", hold_pressure },
	{ "mount", hold_mount },
	{ "namespace", hold_namespace },
	{ "multipath", hold_multipath },
	{ "cork", hold_cork },
	{ "unaccepted", hold_unaccepted },
	{ "mdwe", hold_mdwe },
	{ "listener", hold_listener },
	{ "supervised", hold_supervised },
};

int main(int argc, char **argv)
{
	char line[256];
	long rc = -1;

	for (size_t i = 0; argc > 1 && i < sizeof(things) / sizeof(things[0]); i++)
		if (!strcmp(argv[1], things[i].what)) {
			errno = 0;
			rc = things[i].hold();
		}
	/* This kernel has none, or not for us. */
	printf("%s\n", rc < 0 ? "none" : "held");
	fflush(stdout);
	for (int n = 1; rc >= 0 && fgets(line, sizeof(line), stdin); n++) {
		printf("%d\n", n);
		fflush(stdout);
	}
	return 0;
}
