/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowded PROCESSES LEFT: each process opens descriptors of all kinds until LEFT more would be all that the
 * limit allows (or, of several, a third of it), says how many there are in all, and answers each line with
 * "ok N" while each of them still is what it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KINDS = 8, MEMBERS_MAX = 4096 };

#define NEED(cond) ((cond) ? (void)0 : need(__LINE__, #cond))

static void need(int line, const char *what)
{
	fprintf(stderr, "process %d, line %d: not so: %s (%s)\n", getpid(), line, what,
		strerror(errno));
	_exit(1);
}

struct member {
	int kind, fd[3], n;
};

static struct member members[MEMBERS_MAX];
static int nmembers, most, first;

static void byte_in(int fd, int n)
{
	char byte = (char)n;

	NEED(write(fd, &byte, 1) == 1);
}

static void byte_out(int fd, int n)
{
	char byte = 0;

	NEED(read(fd, &byte, 1) == 1 && byte == (char)n);
}

static void open_tcp(struct member *m)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);

	m->fd[2] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(m->fd[2] >= 0 && !bind(m->fd[2], (void *)&at, len) && !listen(m->fd[2], 1));
	m->fd[0] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(!getsockname(m->fd[2], (void *)&at, &len) && !connect(m->fd[0], (void *)&at, len));
	m->fd[1] = accept(m->fd[2], NULL, NULL);
	NEED(m->fd[1] >= 0);
	byte_in(m->fd[1], m->n);
}

static void open_file(struct member *m)
{
	char name[64];

	snprintf(name, sizeof(name), "file.%d.%d", getpid(), m->n);
	m->fd[0] = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	NEED(m->fd[0] >= 0);
	byte_in(m->fd[0], m->n);
	byte_in(m->fd[0], m->n + 1);
	NEED(lseek(m->fd[0], 1, SEEK_SET) == 1);
	m->fd[1] = dup(m->fd[0]);
}

/* One that watches the eventfd before it. */
static void open_epoll(struct member *m)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = (uint64_t)m->n };

	m->fd[0] = epoll_create1(0);
	m->fd[1] = eventfd(1, 0);
	NEED(!epoll_ctl(m->fd[0], EPOLL_CTL_ADD, m->fd[1], &e));
}

/* One socket on its way in another. */
static void open_flying(struct member *m)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec bytes = { "x", 1 };
	struct msghdr h = { .msg_iov = &bytes,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	int flies = eventfd((unsigned int)m->n + 1, 0);

	NEED(flies >= 0 && !socketpair(AF_UNIX, SOCK_STREAM, 0, m->fd));
	*c = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(c), &flies, sizeof(int));
	NEED(sendmsg(m->fd[0], &h, 0) == 1);
	close(flies);
}

static void open_member(struct member *m)
{
	switch (m->kind) {
	case 0:
		open_file(m);
		break;
	case 1:
		NEED(!pipe(m->fd));
		byte_in(m->fd[1], m->n);
		break;
	case 2:
		NEED(!socketpair(AF_UNIX, SOCK_STREAM, 0, m->fd));
		byte_in(m->fd[0], m->n);
		break;
	case 3:
		m->fd[0] = eventfd((unsigned int)m->n + 1, 0);
		break;
	case 4:
		open_tcp(m);
		break;
	case 5:
		open_epoll(m);
		break;
	case 6:
		m->fd[0] = (int)syscall(SYS_pidfd_open, getpid(), 0);
		m->fd[1] = memfd_create("crowd", MFD_CLOEXEC);
		byte_in(m->fd[1], m->n);
		break;
	default:
		open_flying(m);
	}
	NEED(m->fd[0] >= 0);
}

static void check_flying(struct member *m)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec bytes = { &byte, 1 };
	struct msghdr h = { .msg_iov = &bytes,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	uint64_t value = 0;
	int came;

	NEED(recvmsg(m->fd[1], &h, 0) == 1 && h.msg_controllen >= sizeof(struct cmsghdr));
	memcpy(&came, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(int));
	NEED(read(came, &value, 8) == 8 && value == (uint64_t)m->n + 1);
	close(came);
	close(m->fd[0]);
	close(m->fd[1]);
	open_flying(m);
}

static void check_member(struct member *m)
{
	uint64_t value = 0;
	struct epoll_event e;
	char byte = 0;

	switch (m->kind) {
	case 0:
		NEED(lseek(m->fd[0], 0, SEEK_CUR) == 1);
		byte_out(m->fd[0], m->n + 1);
		NEED(lseek(m->fd[1], 0, SEEK_CUR) == 2 && lseek(m->fd[1], 1, SEEK_SET) == 1);
		break;
	case 1:
		byte_out(m->fd[0], m->n);
		byte_in(m->fd[1], m->n);
		break;
	case 2:
		byte_out(m->fd[1], m->n);
		byte_in(m->fd[0], m->n);
		break;
	case 3:
		NEED(read(m->fd[0], &value, 8) == 8 && value == (uint64_t)m->n + 1);
		NEED(write(m->fd[0], &value, 8) == 8);
		break;
	case 4:
		byte_out(m->fd[0], m->n);
		byte_in(m->fd[1], m->n);
		break;
	case 5:
		NEED(epoll_wait(m->fd[0], &e, 1, 0) == 1 && e.data.u64 == (uint64_t)m->n);
		break;
	case 6:
		NEED(!syscall(SYS_pidfd_send_signal, m->fd[0], 0, NULL, 0));
		NEED(pread(m->fd[1], &byte, 1, 0) == 1 && byte == (char)m->n);
		break;
	default:
		check_flying(m);
	}
}

static int count_open(void)
{
	int n = 0;

	for (int fd = 0; fd < most; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void fill(int room)
{
	while (count_open() + 3 <= room) {
		struct member *m = &members[nmembers];

		*m = (struct member){ (nmembers + first) % KINDS, { -1, -1, -1 }, nmembers };
		open_member(m);
		nmembers++;
	}
	while (count_open() < room)
		NEED(dup(0) >= 0);
}

static void check(int room)
{
	for (int i = 0; i < nmembers; i++)
		check_member(&members[i]);
	NEED(count_open() == room);
}

/* Answers each byte with one. */
static void serve(int in, int out, int room)
{
	char byte;

	fill(room);
	byte_in(out, 1);
	while (read(in, &byte, 1) == 1) {
		check(room);
		byte_in(out, 1);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	int nprocesses = argc > 1 ? atoi(argv[1]) : 1, left = argc > 2 ? atoi(argv[2]) : 0, room;
	int down[64][2], up[64][2];
	struct rlimit limit;
	char line[64];

	NEED(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur == limit.rlim_max);
	most = (int)limit.rlim_max;
	room = nprocesses > 1 ? most / 3 : most - left;
	for (int i = 1; i < nprocesses; i++) {
		NEED(!pipe(down[i]) && !pipe(up[i]));
		if (fork() == 0) {
			first = i;
			close(down[i][1]);
			close(up[i][0]);
			serve(down[i][0], up[i][1], room);
		}
		close(down[i][0]);
		close(up[i][1]);
	}
	for (int i = 1; i < nprocesses; i++)
		byte_out(up[i][0], 1);
	fill(room);
	printf("%d\n", nprocesses * room);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (int i = 1; i < nprocesses; i++)
			byte_in(down[i][1], 1);
		for (int i = 1; i < nprocesses; i++)
			byte_out(up[i][0], 1);
		check(room);
		printf("ok %d\n", nprocesses * room);
		fflush(stdout);
	}
	for (int i = 1; i < nprocesses; i++)
		close(down[i][1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
