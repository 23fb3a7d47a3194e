/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every interruptible call in a loop, each in a thread of its own: none may return EINTR, and those with a
 * time-out must come back when it is up, though parked many times meanwhile.
 */
#include "park_test.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>

enum { TIMEOUT_MS = 60, SLACK_MS = 5, SAMPLES_MAX = 256 };

struct call {
	const char *name;
	/* Make the call once; return what it returned, -errno on failure. */
	long (*once)(const struct call *c);
	long result; /* expected when the time is up; for those without a time-out: when woken */
	bool timed;
	bool by_park; /* the time-out is a socket's, and starts anew with the call: a park ends that */
	int n;
	int took_us[SAMPLES_MAX];
};

static struct timespec timeout_ts = { 0, TIMEOUT_MS * 1000000 };
static int quiet_pipe[2], quiet_sock[2], timed_sock[2], listener, epoll_fd, sem_id, msg_id;

#define RESULT(x)                               \
	({                                      \
		long result_ = (x);             \
		result_ < 0 ? -errno : result_; \
	})

static long c_epoll_wait(const struct call *c)
{
	struct epoll_event ev;

	(void)c;
	return RESULT(epoll_wait(epoll_fd, &ev, 1, TIMEOUT_MS));
}

static long c_epoll_pwait(const struct call *c)
{
	struct epoll_event ev;
	sigset_t none;

	(void)c;
	sigemptyset(&none);
	return RESULT(epoll_pwait(epoll_fd, &ev, 1, TIMEOUT_MS, &none));
}

static long c_epoll_pwait2(const struct call *c)
{
	struct epoll_event ev;

	(void)c;
	return RESULT(syscall(SYS_epoll_pwait2, epoll_fd, &ev, 1, &timeout_ts, NULL, 8));
}

static long c_sigtimedwait(const struct call *c)
{
	sigset_t set;

	(void)c;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return RESULT(sigtimedwait(&set, NULL, &timeout_ts));
}

static long c_semtimedop(const struct call *c)
{
	struct sembuf op = { 0, -1, 0 };

	(void)c;
	return RESULT(semtimedop(sem_id, &op, 1, &timeout_ts));
}

static long c_nanosleep(const struct call *c)
{
	(void)c;
	return RESULT(nanosleep(&timeout_ts, NULL));
}

static long c_nanosleep_rem(const struct call *c)
{
	struct timespec ts = timeout_ts;

	(void)c;
	return RESULT(nanosleep(&ts, &ts));
}

static long c_clock_nanosleep_abs(const struct call *c)
{
	struct timespec ts;
	int rc;

	(void)c;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += TIMEOUT_MS * 1000000;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	rc = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	return -rc;
}

static long c_poll(const struct call *c)
{
	struct pollfd p = { .fd = quiet_pipe[0], .events = POLLIN };

	(void)c;
	return RESULT(poll(&p, 1, TIMEOUT_MS));
}

static long c_ppoll(const struct call *c)
{
	struct pollfd p = { .fd = quiet_pipe[0], .events = POLLIN };

	(void)c;
	return RESULT(ppoll(&p, 1, &timeout_ts, NULL));
}

static long c_select(const struct call *c)
{
	struct timeval tv = { 0, TIMEOUT_MS * 1000 };

	(void)c;
	return RESULT(select(0, NULL, NULL, NULL, &tv));
}

static long c_pselect(const struct call *c)
{
	(void)c;
	return RESULT(pselect(0, NULL, NULL, NULL, &timeout_ts, NULL));
}

static long c_futex(const struct call *c)
{
	int word = 0;

	(void)c;
	return RESULT(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &timeout_ts, NULL, 0));
}

static long c_recv_timeo(const struct call *c)
{
	char b;

	(void)c;
	return RESULT(recv(timed_sock[0], &b, 1, 0));
}

static long c_read_timeo(const struct call *c)
{
	char b;

	(void)c;
	return RESULT(read(timed_sock[0], &b, 1));
}

static long c_accept_timeo(const struct call *c)
{
	(void)c;
	return RESULT(accept(listener, NULL, NULL));
}

/* Those without a time-out wait for a byte that comes now and then. */
static int byte_pipe[2], byte_sock[2], byte_event, terminal;
static _Atomic int woken;

static long c_read(const struct call *c)
{
	char b;

	(void)c;
	return RESULT(read(byte_pipe[0], &b, 1));
}

static long c_readv(const struct call *c)
{
	char b;
	struct iovec v = { &b, 1 };

	(void)c;
	return RESULT(readv(byte_pipe[0], &v, 1));
}

static long c_recvmsg(const struct call *c)
{
	char b;
	struct iovec v = { &b, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	(void)c;
	return RESULT(recvmsg(byte_sock[0], &m, 0));
}

static long c_eventfd(const struct call *c)
{
	uint64_t v;

	(void)c;
	return RESULT(read(byte_event, &v, 8));
}

static long c_futex_forever(const struct call *c)
{
	int was = woken;

	(void)c;
	return RESULT(syscall(SYS_futex, &woken, FUTEX_WAIT_PRIVATE, was, NULL, NULL, 0));
}

static long c_sem(const struct call *c)
{
	struct sembuf op = { 1, -1, 0 };

	(void)c;
	return RESULT(semop(sem_id, &op, 1));
}

static long c_msgrcv(const struct call *c)
{
	struct {
		long type;
		char b[8];
	} m;

	(void)c;
	return RESULT(msgrcv(msg_id, &m, 8, 0, 0));
}

static long c_sigwaitinfo(const struct call *c)
{
	sigset_t set;

	(void)c;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return RESULT(sigwaitinfo(&set, NULL));
}

/* These wait for nothing here, but look whether they are to be interrupted: each is made many times. */
static long c_tcdrain(const struct call *c)
{
	long rc = 0;

	(void)c;
	for (int i = 0; rc == 0 && i < 300; i++)
		rc = RESULT(i % 2 ? tcdrain(terminal) : tcsendbreak(terminal, 0));
	return rc;
}

static struct call calls[] = {
	{ "epoll_wait", c_epoll_wait, 0, true },
	{ "epoll_pwait", c_epoll_pwait, 0, true },
	{ "epoll_pwait2", c_epoll_pwait2, 0, true },
	{ "sigtimedwait", c_sigtimedwait, -EAGAIN, true },
	{ "semtimedop", c_semtimedop, -EAGAIN, true },
	{ "nanosleep", c_nanosleep, 0, true },
	{ "nanosleep with rest", c_nanosleep_rem, 0, true },
	{ "clock_nanosleep until", c_clock_nanosleep_abs, 0, true },
	{ "poll", c_poll, 0, true },
	{ "ppoll", c_ppoll, 0, true },
	{ "select", c_select, 0, true },
	{ "pselect", c_pselect, 0, true },
	{ "futex", c_futex, -ETIMEDOUT, true },
	{ "recv with SO_RCVTIMEO", c_recv_timeo, -EAGAIN, true, true },
	{ "read with SO_RCVTIMEO", c_read_timeo, -EAGAIN, true, true },
	{ "accept with SO_RCVTIMEO", c_accept_timeo, -EAGAIN, true, true },
	{ "read", c_read, 1, false },
	{ "readv", c_readv, 1, false },
	{ "recvmsg", c_recvmsg, 1, false },
	{ "read of an eventfd", c_eventfd, 8, false },
	{ "futex without end", c_futex_forever, 0, false },
	{ "semop", c_sem, 0, false },
	{ "msgrcv", c_msgrcv, 1, false },
	{ "tcdrain", c_tcdrain, 0, false },
	{ "sigwaitinfo", c_sigwaitinfo, SIGUSR1, false },
};
enum { NCALLS = sizeof(calls) / sizeof(calls[0]) };

static void *loop(void *arg)
{
	struct call *c = arg;

	while (!shared->stop) {
		int64_t began = now_ns(), took;
		long rc = c->once(c);

		took = (now_ns() - began) / 1000;
		if (shared->stop)
			break;
		if (rc != c->result && !(c->once == c_futex_forever && rc == -EAGAIN))
			bad("%s gave %ld (%s)", c->name, rc, rc < 0 ? strerror((int)-rc) : "");
		if (c->timed && took < TIMEOUT_MS * 1000)
			bad("%s took %ld us: too early", c->name, took);
		if (c->timed && c->n < SAMPLES_MAX)
			c->took_us[c->n++] = (int)took;
		shared->rounds++;
	}
	return NULL;
}

static void wake_all(const pthread_t *threads)
{
	const uint64_t one = 1;
	struct sembuf op = { 1, 1, 0 };
	struct {
		long type;
		char b[8];
	} m = { 1, "" };

	EXPECT(write(byte_pipe[1], "xx", 2) == 2);
	EXPECT(write(byte_sock[1], "x", 1) == 1);
	EXPECT(write(byte_event, &one, 8) == 8);
	woken++;
	syscall(SYS_futex, &woken, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	EXPECT(!semop(sem_id, &op, 1));
	EXPECT(!msgsnd(msg_id, &m, 1, 0));
	pthread_kill(threads[NCALLS - 1], SIGUSR1);
}

static int by_size(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * Every one of the calls was parked many times. What the parks add to one they add to all of its kind; a
 * busy machine makes single ones late. So the median tells. How long a call has been waiting when it is
 * first seen is not known: that adds the time between two parks. What a park ends is that late once more.
 */
static void judge(struct call *c, int apart_us)
{
	int median;

	EXPECT(c->n >= 3);
	qsort(c->took_us, (size_t)c->n, sizeof(c->took_us[0]), by_size);
	median = c->took_us[c->n / 2];
	if (median > (TIMEOUT_MS + SLACK_MS) * 1000 + apart_us * (1 + c->by_park))
		bad("%s took %d us in the middle of %d: too late", c->name, median, c->n);
}

static void set_up(void)
{
	struct timeval tv = { 0, TIMEOUT_MS * 1000 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	EXPECT(!pipe(quiet_pipe) && !pipe(byte_pipe));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, quiet_sock));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, timed_sock));
	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, byte_sock));
	byte_event = eventfd(0, 0);
	EXPECT(!setsockopt(timed_sock[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	EXPECT(!bind(listener, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)));
	EXPECT(!listen(listener, 1));
	EXPECT(!setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	EXPECT((terminal = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
	epoll_fd = epoll_create1(0);
	sem_id = semget(IPC_PRIVATE, 2, 0600);
	msg_id = msgget(IPC_PRIVATE, 0600);
}

static void behave(struct shared *s)
{
	static pthread_t threads[NCALLS];
	int64_t began = now_ns();

	set_up();
	for (int i = 0; i < NCALLS; i++)
		EXPECT(!pthread_create(&threads[i], NULL, loop, &calls[i]));
	while (!s->stop) {
		nap_ns(3000000);
		wake_all(threads);
	}
	for (int i = 0; i < NCALLS; i++)
		if (calls[i].timed)
			judge(&calls[i], (int)((now_ns() - began) / 1000 / s->parks));
	semctl(sem_id, 0, IPC_RMID);
	msgctl(msg_id, IPC_RMID, NULL);
	/* Some wait for what does not come again: they end with the process. */
}

int main(void)
{
	return park_test(behave, &(struct plan){ .gap_ns = 1000000 });
}
