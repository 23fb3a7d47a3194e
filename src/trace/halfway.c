/* SPDX-License-Identifier: Apache-2.0 */
#include "trace/halfway.h"

#include "base/owned.h"
#include "trace/halfway_cpu.h"
#include "trace/regs.h"
#include "trace/remote.h"
#include "trace/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	HALFWAY_VECTORS = 32, /* that can be left of a writev; they stand on the program's stack */
	HALFWAY_VECTORS_MAX = 1024, /* UIO_MAXIOV */
	HALFWAY_MEM_MAJOR = 1, /* /dev/zero and its like */
	HALFWAY_GET_SUD = 0x4211, /* PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG */
};

static const uint64_t halfway_magic[2] = { 0x6877662d6e726961, 0x63207961 };

enum halfway_shape {
	HALFWAY_BUFFER, /* address in argument @at, bytes in argument @len */
	HALFWAY_LENGTH, /* bytes in argument @len; the kernel counts positions itself */
	HALFWAY_VECTOR, /* struct iovec[] in argument 1, how many in 2 */
	HALFWAY_MESSAGE, /* struct msghdr in argument 1 */
	HALFWAY_MESSAGES, /* struct mmsghdr[] in argument 1, how many in 2: these are what is counted */
};

enum halfway_way {
	HALFWAY_WRITE, /* a pipe, a socket or a terminal takes all, in time */
	HALFWAY_READ, /* only a device that never ends gives all */
	HALFWAY_RECEIVE, /* a socket, if asked to with MSG_WAITALL; recvmmsg if not with MSG_WAITFORONE */
	HALFWAY_RANDOM, /* getrandom: no descriptor */
};

struct halfway_call {
	short nr;
	unsigned char way, shape;
	unsigned char at, len;
	signed char flags; /* argument with MSG_*; -1: none */
};

static const struct halfway_call table[] = {
	{ SYS_write, HALFWAY_WRITE, HALFWAY_BUFFER, 1, 2, -1 },
	{ SYS_writev, HALFWAY_WRITE, HALFWAY_VECTOR, 1, 2, -1 },
	{ SYS_sendto, HALFWAY_WRITE, HALFWAY_BUFFER, 1, 2, 3 },
	{ SYS_sendmsg, HALFWAY_WRITE, HALFWAY_MESSAGE, 1, 0, 2 },
	{ SYS_sendmmsg, HALFWAY_WRITE, HALFWAY_MESSAGES, 1, 2, 3 },
	{ SYS_sendfile, HALFWAY_WRITE, HALFWAY_LENGTH, 0, 3, -1 },
	{ SYS_read, HALFWAY_READ, HALFWAY_BUFFER, 1, 2, -1 },
	{ SYS_readv, HALFWAY_READ, HALFWAY_VECTOR, 1, 2, -1 },
	{ SYS_recvfrom, HALFWAY_RECEIVE, HALFWAY_BUFFER, 1, 2, 3 },
	{ SYS_recvmsg, HALFWAY_RECEIVE, HALFWAY_MESSAGE, 1, 0, 2 },
	{ SYS_recvmmsg, HALFWAY_RECEIVE, HALFWAY_MESSAGES, 1, 2, 3 },
	{ SYS_getrandom, HALFWAY_RANDOM, HALFWAY_BUFFER, 0, 1, -1 },
};

static const struct halfway_call *find_call(long nr)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].nr == nr)
			return &table[i];
	return NULL;
}

/* What a thread's call is to move, and where that stands. */
struct halfway_load {
	struct msghdr message;
	struct iovec at[HALFWAY_VECTORS_MAX];
	size_t n;
	uint64_t bytes; /* or messages */
};

static int load_vectors(struct halfway_load *l, pid_t tid, uint64_t at, uint64_t n)
{
	int rc;

	if (n > HALFWAY_VECTORS_MAX)
		return -EINVAL;
	l->n = n;
	rc = n ? remote_read(tid, at, l->at, n * sizeof(l->at[0]), NULL) : 0;
	for (size_t i = 0; rc >= 0 && i < n; i++)
		l->bytes += l->at[i].iov_len;
	return rc;
}

static int load(struct halfway_load *l, pid_t tid, const struct halfway_call *c,
		const struct user_regs_struct *regs)
{
	int rc;

	l->bytes = 0;
	if (c->shape == HALFWAY_MESSAGES) {
		l->bytes = (uint32_t)regs_arg(regs, c->len);
		if (c->way == HALFWAY_WRITE && l->bytes > HALFWAY_VECTORS_MAX)
			l->bytes = HALFWAY_VECTORS_MAX; /* more it does not send at once */
		return 0;
	}
	if (c->shape == HALFWAY_VECTOR)
		return load_vectors(l, tid, regs_arg(regs, c->at), regs_arg(regs, c->len));
	if (c->shape != HALFWAY_MESSAGE) {
		l->bytes = regs_arg(regs, c->len);
		return 0;
	}
	rc = remote_read(tid, regs_arg(regs, c->at), &l->message, sizeof(l->message), NULL);
	if (rc < 0)
		return rc;
	return load_vectors(l, tid, (uintptr_t)l->message.msg_iov, l->message.msg_iovlen);
}

/* Take away what is done. False where that is all, or too much is left to be written down. */
static bool advance(struct halfway_load *l, uint64_t done)
{
	size_t i = 0;

	while (i < l->n && done >= l->at[i].iov_len)
		done -= l->at[i++].iov_len;
	if (l->n - i > HALFWAY_VECTORS || i == l->n)
		return false;
	memmove(l->at, l->at + i, (l->n - i) * sizeof(l->at[0]));
	l->n -= i;
	l->at[0].iov_base = (char *)l->at[0].iov_base + done;
	l->at[0].iov_len -= done;
	return true;
}

/* Of our own for what @pid has as @fd; negative: none. */
static int borrow(pid_t pid, int fd)
{
	OWNED_FD int pidfd = (int)sys2(__NR_pidfd_open, pid, 0);

	return pidfd < 0 ? -1 : (int)sys3(__NR_pidfd_getfd, pidfd, fd, 0);
}

/* Does a call on descriptor @here, of our own, move all that it is asked to, however long it takes? */
static bool is_patient(int here, const struct halfway_call *c)
{
	socklen_t len = sizeof(int);
	struct stat st;
	int flags = here < 0 ? -1 : fcntl(here, F_GETFL), type = 0;

	if (flags < 0 || flags & O_NONBLOCK || fstat(here, &st) < 0)
		return false;
	if (c->way == HALFWAY_READ)
		return S_ISCHR(st.st_mode) && major(st.st_rdev) == HALFWAY_MEM_MAJOR;
	if (S_ISSOCK(st.st_mode))
		return c->shape == HALFWAY_MESSAGES ||
		       (getsockopt(here, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
			type == SOCK_STREAM);
	if (c->way != HALFWAY_WRITE ||
	    c->shape == HALFWAY_LENGTH) /* sendfile fills a pipe only once */
		return false;
	return S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(here));
}

static bool wants_all(const struct halfway_call *c, const struct user_regs_struct *regs)
{
	uint64_t flags = c->flags < 0 ? 0 : regs_arg(regs, (unsigned int)c->flags);

	if (flags & (MSG_DONTWAIT | MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
		return false;
	if (c->way == HALFWAY_RECEIVE && c->shape == HALFWAY_MESSAGES)
		return !(flags & MSG_WAITFORONE);
	return c->way != HALFWAY_RECEIVE || flags & MSG_WAITALL;
}

/* What would be received beside the bytes has come with the first part, or could come with the rest. */
static bool is_plain(const struct halfway_call *c, const struct halfway_load *l)
{
	return c->way != HALFWAY_RECEIVE || c->shape != HALFWAY_MESSAGE || !l->message.msg_control;
}

/*
 * What ends recvmmsg when it has received something the kernel keeps as an error of the socket, for the call
 * that comes next: also that it was interrupted, by a number that no program is to see. That is taken away
 * here. Of a call that has not waited it cannot be: an error there is the program's to hear.
 */
static bool was_interrupted(int here, const struct halfway_call *c,
			    const struct user_regs_struct *regs)
{
	uint64_t flags = regs_arg(regs, (unsigned int)c->flags);
	socklen_t len = sizeof(int);
	int error = 0;

	if (flags & (MSG_DONTWAIT | MSG_WAITFORONE | MSG_ERRQUEUE))
		return false;
	return getsockopt(here, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	       (error == REGS_ERESTARTSYS || error == EINTR);
}

/* A message of which a part is sent ends sendmmsg. */
static bool is_last_whole(pid_t tid, const struct user_regs_struct *regs, uint64_t n)
{
	OWNED_PTR struct halfway_load *l = calloc(1, sizeof(*l));
	uint64_t at = regs_arg(regs, 1) + (n - 1) * sizeof(struct mmsghdr);
	struct mmsghdr last;

	return l && remote_read(tid, at, &last, sizeof(last), NULL) >= 0 &&
	       load_vectors(l, tid, (uintptr_t)last.msg_hdr.msg_iov, last.msg_hdr.msg_iovlen) >=
		       0 &&
	       last.msg_len == l->bytes;
}

/* Of messages, @n of which are made over @here: is the next one to come? */
static bool goes_on(int here, pid_t tid, const struct halfway_call *c,
		    const struct user_regs_struct *regs, uint64_t n)
{
	if (c->shape != HALFWAY_MESSAGES)
		return true;
	return c->way == HALFWAY_RECEIVE ? was_interrupted(here, c, regs)
					 : is_last_whole(tid, regs, n);
}

bool halfway_is_short(pid_t pid, pid_t tid, const struct user_regs_struct *regs, uint64_t done)
{
	const struct halfway_call *c = find_call(regs_call(regs));
	OWNED_PTR struct halfway_load *l = NULL;
	OWNED_FD int here = -1;
	uint64_t sud[4] = { 0 };
	long result = regs_result(regs);

	/* What interrupted recvmmsg is to be taken away in any case. */
	if (!c || result <= 0 || (c->shape != HALFWAY_MESSAGES && !wants_all(c, regs)))
		return false;
	l = calloc(1, sizeof(*l));
	if (!l || load(l, tid, c, regs) < 0 || done + (uint64_t)result >= l->bytes ||
	    !is_plain(c, l))
		return false;
	if (c->way != HALFWAY_RANDOM) {
		here = borrow(pid, (int)regs_arg(regs, 0));
		if (!is_patient(here, c))
			return false;
	}
	if (!goes_on(here, tid, c, regs, done + (uint64_t)result) || !wants_all(c, regs))
		return false;
	/* Its calls are allowed by where they are made. */
	return sys4(__NR_ptrace, HALFWAY_GET_SUD, tid, sizeof(sud), sud) < 0 || !sud[0];
}

/* As a debugger writes a breakpoint: the process gets a copy of that page of its own. */
static int code_write(pid_t tid, uint64_t code)
{
	long word;

	for (uint64_t i = 0; i < HALFWAY_ROOM; i += sizeof(word)) {
		memcpy(&word, halfway_code_bytes + i, sizeof(word));
		if (ptrace(PTRACE_POKETEXT, tid, (void *)(code + i), word) < 0)
			return -errno;
	}
	return 0;
}

static bool code_is_at(pid_t tid, uint64_t code)
{
	uint8_t there[HALFWAY_ROOM];

	return remote_read(tid, code, there, sizeof(there), NULL) >= 0 &&
	       !memcmp(there, halfway_code_bytes, sizeof(there));
}

int halfway_install(pid_t tid, uint64_t code)
{
	static const uint8_t zero[HALFWAY_ROOM];
	uint8_t there[HALFWAY_ROOM];
	int rc = remote_read(tid, code, there, sizeof(there), NULL);

	if (rc < 0 || !memcmp(there, halfway_code_bytes, sizeof(there)))
		return rc;
	return memcmp(there, zero, sizeof(there)) ? -ENOSPC : code_write(tid, code);
}

/* The last bytes of the vdso: behind all that the kernel has put there. */
static uint64_t code_place(pid_t tid)
{
	uint64_t start, end;

	return vdso_find(tid, &start, &end) ? end - HALFWAY_ROOM : 0;
}

/* Frame, message and vectors, one above the other. */
static int frame_write(pid_t tid, uint64_t at, const struct halfway_call *c,
		       const struct halfway_frame *frame, struct halfway_load *l)
{
	uint64_t message = at + sizeof(*frame), vectors = message + sizeof(l->message);
	int rc = remote_write(tid, at, frame, sizeof(*frame), NULL);

	if (rc >= 0 && l->n)
		rc = remote_write(tid, vectors, l->at, l->n * sizeof(l->at[0]), NULL);
	if (rc < 0 || c->shape != HALFWAY_MESSAGE)
		return rc;
	l->message.msg_iov = (struct iovec *)vectors;
	l->message.msg_iovlen = l->n;
	l->message.msg_control = NULL; /* went with the first bytes */
	l->message.msg_controllen = 0;
	return remote_write(tid, message, &l->message, sizeof(l->message), NULL);
}

static void set_args(struct user_regs_struct *regs, const struct halfway_call *c, uint64_t at,
		     const struct halfway_load *l, uint64_t done)
{
	uint64_t message = at + sizeof(struct halfway_frame);

	switch (c->shape) {
	case HALFWAY_VECTOR:
		regs_set_arg(regs, c->at, message + sizeof(l->message));
		regs_set_arg(regs, c->len, l->n);
		break;
	case HALFWAY_MESSAGE:
		regs_set_arg(regs, c->at, message);
		break;
	case HALFWAY_MESSAGES:
		regs_set_arg(regs, c->at, regs_arg(regs, c->at) + done * sizeof(struct mmsghdr));
		regs_set_arg(regs, c->len, l->bytes - done);
		break;
	case HALFWAY_BUFFER:
		regs_set_arg(regs, c->at, regs_arg(regs, c->at) + done);
		/* fall through */
	default:
		regs_set_arg(regs, c->len, regs_arg(regs, c->len) - done);
	}
}

/*
 * What is left of a write is made when there is room: a handler that runs while it waits for that ends it,
 * which a call of its own that has moved nothing would not be by one with SA_RESTART.
 */
static void set_wait(struct user_regs_struct *regs, struct halfway_frame *frame, uint64_t at)
{
	const uint64_t args[] = { at + offsetof(struct halfway_frame, wait), 1, 0, 0 };

	frame->wait = (struct pollfd){ .fd = (int)frame->rest[0], .events = POLLOUT };
	for (unsigned int i = 0; i < sizeof(args) / sizeof(args[0]); i++)
		regs_set_arg(regs, i, args[i]);
	regs_set_call(regs, SYS_ppoll, -REGS_ERESTARTNOHAND);
}

int64_t halfway_place(pid_t tid, struct user_regs_struct *regs, uint64_t done)
{
	const struct halfway_call *c = find_call(regs_call(regs));
	OWNED_PTR struct halfway_load *l = calloc(1, sizeof(*l));
	struct halfway_frame frame = { .done = done };
	uint64_t at = (regs_sp(regs) - HALFWAY_FRAME_DOWN - sizeof(frame)) & ~UINT64_C(15);
	uint64_t code = code_place(tid);
	int rc = !c || !l ? -EINVAL : !code ? -ENOENT : load(l, tid, c, regs);

	if (rc >= 0 && (done >= l->bytes || (l->n && !advance(l, done))))
		rc = -EINVAL;
	if (rc >= 0)
		rc = halfway_install(tid, code);
	if (rc < 0)
		return rc;
	if (l->n)
		at -= (sizeof(l->message) + l->n * sizeof(l->at[0]) + 15) & ~UINT64_C(15);
	for (unsigned int i = 0; i < 6; i++)
		frame.args[i] = regs_arg(regs, i);
	memcpy(frame.magic, halfway_magic, sizeof(frame.magic));
	/* The pc and stack that it goes back to are those of @regs, which then are the detour's. */
	halfway_enter(regs, code, at, &frame, c->way == HALFWAY_WRITE);
	set_args(regs, c, at, l, done);
	regs_set_result(regs, -REGS_ERESTARTNOHAND);
	frame.nr = (uint64_t)c->nr;
	for (unsigned int i = 0; i < sizeof(frame.rest) / sizeof(frame.rest[0]); i++)
		frame.rest[i] = regs_arg(regs, i);
	if (c->way == HALFWAY_WRITE)
		set_wait(regs, &frame, at);
	rc = frame_write(tid, at, c, &frame, l);
	if (rc < 0) {
		halfway_leave(regs, &frame);
		regs_set_call(regs, c->nr, -REGS_ERESTARTNOHAND);
		return rc;
	}
	return (int64_t)code;
}

/* Where the code is in which this thread stands. */
static uint64_t code_under(pid_t pid, pid_t tid, const struct user_regs_struct *live,
			   const struct park_memory *memory)
{
	uint64_t pc = regs_pc(live);
	uint64_t code = regs_call(live) >= 0 ? halfway_code_of(pc) : 0;

	if (code && code_is_at(tid, code))
		return code;
	code = memory_detour(memory, pid);
	return code && pc - code < HALFWAY_ROOM && code_is_at(tid, code) ? code : 0;
}

bool halfway_look(struct halfway *h, pid_t pid, pid_t tid, const struct user_regs_struct *live,
		  const struct park_memory *memory)
{
	uint64_t code = code_under(pid, tid, live, memory), at;
	struct halfway_frame frame;
	enum halfway_stage stage;
	long result = regs_result(live);

	if (!code)
		return false;
	*h = (struct halfway){ .regs = *live };
	stage = halfway_stage(live, code);
	if (stage == HALFWAY_GONE) {
		halfway_arrive(&h->regs);
		return true;
	}
	at = halfway_frame_of(live, code);
	if (remote_read(tid, at, &frame, sizeof(frame), NULL) < 0 ||
	    memcmp(frame.magic, halfway_magic, sizeof(frame.magic)))
		return false;
	if (stage == HALFWAY_WAITS && !regs_restarts(live) && result != -EINTR)
		stage = result > 0 ? HALFWAY_BEFORE : HALFWAY_ADDED;
	halfway_leave(&h->regs, &frame);
	h->done = frame.done;
	h->in_kernel = stage == HALFWAY_IN || stage == HALFWAY_WAITS;
	h->in_call = stage == HALFWAY_BEFORE || h->in_kernel;
	if (stage == HALFWAY_BEFORE || stage == HALFWAY_WAITS)
		regs_set_call(&h->regs, (long)frame.nr, -REGS_ERESTARTNOHAND);
	else if (h->in_kernel)
		regs_set_call(&h->regs, (long)frame.nr, result);
	else
		regs_set_result(&h->regs,
				(long)frame.done +
					(stage == HALFWAY_MADE && result > 0 ? result : 0));
	return true;
}

uint64_t halfway_code(pid_t pid, pid_t tid, const struct park_memory *memory)
{
	uint64_t code = memory_detour(memory, pid);

	return code && code_is_at(tid, code) ? code : 0;
}
