/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that move more than fits at once, with a slow other side: each moves all that it was asked
 * to, though it is found half-way again and again, and not a byte is lost, doubled or out of order.
 * With a signal handler in between a count may be short, as ever, but it must be true.
 */
#include "park_test.h"

#include "base/owned.h"

#include <netinet/in.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { LEN_MAX = 300000, VECTORS = 7 };

struct way {
	const char *name;
	/* Move @len bytes of @buf; what it returned. */
	ssize_t (*once)(int fd, unsigned char *buf, size_t len);
	enum { PIPE, SOCKETS, TCP, ALONE } channel;
	bool receives; /* and the other side sends */
	bool may_be_short;
	_Atomic bool *signals;
	_Atomic pid_t tid;
	int fds[2];
};

static ssize_t w_write(int fd, unsigned char *buf, size_t len)
{
	return write(fd, buf, len);
}

static int vectors(struct iovec *v, unsigned char *buf, size_t len)
{
	for (size_t i = 0; i < VECTORS; i++) {
		size_t n = i + 1 < VECTORS ? len / VECTORS : len;

		v[i] = (struct iovec){ buf, n };
		buf += n;
		len -= n;
	}
	return VECTORS;
}

static ssize_t w_writev(int fd, unsigned char *buf, size_t len)
{
	struct iovec v[VECTORS];

	return writev(fd, v, vectors(v, buf, len));
}

static ssize_t w_send(int fd, unsigned char *buf, size_t len)
{
	return send(fd, buf, len, 0);
}

static ssize_t w_sendmsg(int fd, unsigned char *buf, size_t len)
{
	struct iovec v[VECTORS];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = vectors(v, buf, len) };

	return sendmsg(fd, &m, 0);
}

/* From a file of its own: the socket holds pages of the file, not copies. */
static ssize_t w_sendfile(int fd, unsigned char *buf, size_t len)
{
	OWNED_FD int file = memfd_create("halfway", 0);
	off_t at = 0;

	EXPECT(pwrite(file, buf, len, 0) == (ssize_t)len);
	return sendfile(fd, file, &at, len);
}

static ssize_t w_recv(int fd, unsigned char *buf, size_t len)
{
	return recv(fd, buf, len, MSG_WAITALL);
}

static ssize_t w_recvmsg(int fd, unsigned char *buf, size_t len)
{
	struct iovec v[VECTORS];
	struct msghdr m = { .msg_iov = v, .msg_iovlen = vectors(v, buf, len) };

	return recvmsg(fd, &m, MSG_WAITALL);
}

static ssize_t w_random(int fd, unsigned char *buf, size_t len)
{
	(void)fd;
	return getrandom(buf, len, 0);
}

static ssize_t w_zero(int fd, unsigned char *buf, size_t len)
{
	return read(fd, buf, len);
}

static _Atomic bool plain_signals, restart_signals;
static struct way ways[] = {
	{ "write to a pipe", w_write, PIPE },
	{ "writev to a pipe", w_writev, PIPE },
	{ "write to a socket", w_write, SOCKETS },
	{ "send to a socket", w_send, SOCKETS },
	{ "sendmsg to a socket", w_sendmsg, SOCKETS },
	{ "write to TCP", w_write, TCP },
	{ "sendfile to a socket", w_sendfile, SOCKETS },
	{ "recv from a socket", w_recv, SOCKETS, .receives = true },
	{ "recvmsg from TCP", w_recvmsg, TCP, .receives = true },
	{ "getrandom", w_random, ALONE },
	{ "read of /dev/zero", w_zero, ALONE },
	{ "write with signals", w_write, PIPE, .may_be_short = true, .signals = &plain_signals },
	{ "writev with signals", w_writev, SOCKETS, .may_be_short = true,
	  .signals = &restart_signals },
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static unsigned char byte_at(uint64_t i)
{
	return (unsigned char)(i * 13 + (i >> 8) * 7 + (i >> 16));
}

static size_t random_length(uint64_t *seed, size_t max)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return 1 + (*seed >> 33) % max;
}

/* The side that asks for much at once. */
static void *asks(void *arg)
{
	struct way *w = arg;
	OWNED_PTR unsigned char *buf = malloc(LEN_MAX * 8);
	uint64_t at = 0, seed = (uintptr_t)arg;

	w->tid = gettid();
	while (!shared->stop) {
		size_t len = random_length(&seed, w->channel == ALONE ? LEN_MAX * 8 : LEN_MAX);
		ssize_t n;

		for (size_t i = 0; !w->receives && w->channel != ALONE && i < len; i++)
			buf[i] = byte_at(at + i);
		n = w->once(w->fds[1], buf, len);
		if (n < 0 && errno == EINTR && w->may_be_short)
			n = 0;
		if (n != (ssize_t)len && !shared->stop && !(w->may_be_short && n >= 0))
			bad("%s of %zu gave %zd (%s)", w->name, len, n, strerror(errno));
		for (ssize_t i = 0; w->receives && i < n; i++)
			if (buf[i] != byte_at(at + i)) {
				bad("%s: byte %lu is wrong", w->name, (unsigned long)(at + i));
				break;
			}
		at += n > 0 ? n : 0;
		shared->rounds++;
	}
	if (w->channel != ALONE)
		shutdown(w->fds[1], SHUT_RDWR), w->channel == PIPE &&close(w->fds[1]);
	return arg;
}

/* The other side: little by little. */
static void *other(void *arg)
{
	struct way *w = arg;
	unsigned char buf[3000];
	uint64_t at = 0, seed = (uintptr_t)arg + 1;

	for (;;) {
		size_t len = random_length(&seed, sizeof(buf));
		ssize_t n;

		for (size_t i = 0; w->receives && i < len; i++)
			buf[i] = byte_at(at + i);
		n = w->receives ? send(w->fds[0], buf, len, MSG_NOSIGNAL)
				: read(w->fds[0], buf, len);
		if (n <= 0)
			break;
		for (ssize_t i = 0; !w->receives && i < n; i++)
			if (buf[i] != byte_at(at + i)) {
				bad("%s: byte %lu is wrong", w->name, (unsigned long)(at + i));
				return arg;
			}
		at += n;
		if (seed >> 60 == 0)
			nap_ns(100000);
	}
	if (!shared->stop)
		bad("%s: the other side ended early (%s)", w->name, strerror(errno));
	return arg;
}

static void on_signal(int sig)
{
	nap_ns(200000 * (sig == SIGUSR1)); /* so that parks fall into it */
}

/* Now and then a handler, with and without SA_RESTART. */
static void *pesters(void *arg)
{
	while (!shared->stop) {
		for (size_t i = 0; i < WAYS; i++)
			if (ways[i].signals && ways[i].tid)
				syscall(SYS_tgkill, getpid(), ways[i].tid,
					ways[i].signals == &plain_signals ? SIGUSR1 : SIGUSR2);
		nap_ns(700000);
	}
	return arg;
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	EXPECT(!bind(l, (void *)&a, sizeof(a)) && !listen(l, 1) &&
	       !getsockname(l, (void *)&a, &len));
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(!connect(fds[0], (void *)&a, sizeof(a)));
	fds[1] = accept(l, NULL, NULL);
	close(l);
}

static void way_open(struct way *w)
{
	switch (w->channel) {
	case PIPE:
		EXPECT(!pipe(w->fds));
		break;
	case SOCKETS:
		EXPECT(!socketpair(AF_UNIX, SOCK_STREAM, 0, w->fds));
		break;
	case TCP:
		tcp_pair(w->fds);
		break;
	default:
		w->fds[1] = open("/dev/zero", O_RDONLY);
	}
}

static void behave(struct shared *s)
{
	struct sigaction sa = { .sa_handler = on_signal };
	pthread_t t[2 * WAYS + 1];
	size_t n = 0;

	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < WAYS; i++) {
		way_open(&ways[i]);
		EXPECT(!pthread_create(&t[n++], NULL, asks, &ways[i]));
		if (ways[i].channel != ALONE)
			EXPECT(!pthread_create(&t[n++], NULL, other, &ways[i]));
	}
	EXPECT(!pthread_create(&t[n++], NULL, pesters, NULL));
	while (n)
		pthread_join(t[--n], NULL);
	(void)s;
}

int main(void)
{
	return park_test(behave, &(struct plan){ .parks = 250, .gap_ns = 4000000 });
}
