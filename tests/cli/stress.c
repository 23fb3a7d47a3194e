/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pairs of processes that pass numbered messages over every kind of channel, as fast as they can. The second
 * of a pair checks every number and every byte; no call may fail, or move less than it was asked to.
 * For each line on standard input, says how many messages there have been, once every channel has moved some
 * more; at its end, has the last ones delivered, and exits 0 if not one was lost, doubled or out of order.
 *	stress [CHANNEL...]	only these
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	BODY_MAX = 2000, /* of a message */
	STREAM_MAX = 90000, /* in a stream: more than a pipe holds, now and then */
	RING = 64,
	AHEAD = 100, /* signals on their way */
	LAST = UINT32_MAX, /* a length that no message has: there are no more */
};

struct message {
	uint64_t number;
	uint32_t length;
	unsigned char body[STREAM_MAX];
};
enum { HEAD = offsetof(struct message, body) };

struct shared { /* of one channel, between its two processes and us */
	_Atomic uint64_t sent, received;
	_Atomic uint64_t slot, token[2];
	_Atomic uint32_t head, tail; /* of the ring */
	uint64_t ring[RING];
	pthread_mutex_t lock;
	pthread_cond_t turn;
	bool full;
};

struct channel {
	const char *name;
	bool (*open)(struct channel *c);
	/* Send message @n; receive one, which must be @n: false at the end. */
	void (*send)(struct channel *c, uint64_t n, bool last);
	bool (*receive)(struct channel *c, uint64_t n);
	int fds[2]; /* the receiver's, the sender's */
	int other[2];
	pid_t pids[2];
	uint64_t seen;
	struct shared *s;
	struct message *m;
};

static struct channel *me;
static _Atomic bool *stop;

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	char text[300];
	va_list ap;
	int n = snprintf(text, sizeof(text), "%s: ", me ? me->name : "stress");

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	dprintf(2, "%s (errno %d: %s)\n", text, errno, strerror(errno));
	_exit(1);
}

#define NEED(cond) ((cond) ? (void)0 : die("line %d: %s does not hold", __LINE__, #cond))

/* The body and its length follow from the number. */
static uint32_t body_length(uint64_t n, uint32_t max)
{
	uint64_t x = n * 6364136223846793005 + 1442695040888963407;

	return (uint32_t)(x >> 33) % (x >> 60 ? BODY_MAX : max);
}

static size_t message_fill(struct message *m, uint64_t n, uint32_t max, bool last)
{
	m->number = n;
	m->length = last ? LAST : body_length(n, max);
	for (uint32_t i = 0; !last && i < m->length; i++)
		m->body[i] = (unsigned char)(n + i * 7);
	return HEAD + (last ? 0 : m->length);
}

static bool message_check(const struct message *m, size_t size, uint64_t n, uint32_t max)
{
	if (m->number != n)
		die("message %lu came, not %lu", (unsigned long)m->number, (unsigned long)n);
	if (m->length == LAST)
		return false;
	if (m->length != body_length(n, max) || size != HEAD + m->length)
		die("message %lu has %zu bytes", (unsigned long)n, size);
	for (uint32_t i = 0; i < m->length; i++)
		if (m->body[i] != (unsigned char)(n + i * 7))
			die("byte %u of message %lu is wrong", i, (unsigned long)n);
	return true;
}

static void take_exactly(int fd, void *buf, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = read(fd, (char *)buf + done, size - done);

		if (n <= 0)
			die("read gave %zd", n);
		done += (size_t)n;
	}
}

static void stream_send(struct channel *c, uint64_t n, bool last)
{
	size_t size = message_fill(c->m, n, STREAM_MAX, last);
	ssize_t put = write(c->fds[1], c->m, size);

	if (put != (ssize_t)size)
		die("write of %zu gave %zd", size, put);
}

static bool stream_receive(struct channel *c, uint64_t n)
{
	take_exactly(c->fds[0], c->m, HEAD);
	if (c->m->length != LAST)
		take_exactly(c->fds[0], c->m->body, c->m->length);
	return message_check(c->m, HEAD + (size_t)c->m->length, n, STREAM_MAX);
}

static void packet_send(struct channel *c, uint64_t n, bool last)
{
	size_t size = message_fill(c->m, n, BODY_MAX, last);

	NEED(write(c->fds[1], c->m, size) == (ssize_t)size);
}

static bool packet_receive(struct channel *c, uint64_t n)
{
	ssize_t size = read(c->fds[0], c->m, sizeof(*c->m));

	NEED(size > 0);
	return message_check(c->m, (size_t)size, n, BODY_MAX);
}

static bool pipe_open(struct channel *c)
{
	return !pipe(c->fds);
}

static bool packet_pipe_open(struct channel *c)
{
	return !pipe2(c->fds, O_DIRECT);
}

static bool fifo_open(struct channel *c)
{
	NEED(!mkfifo("stress.fifo", 0600));
	c->fds[0] = open("stress.fifo", O_RDWR);
	c->fds[1] = open("stress.fifo", O_WRONLY);
	return c->fds[0] >= 0 && c->fds[1] >= 0;
}

static bool unix_stream_open(struct channel *c)
{
	return !socketpair(AF_UNIX, SOCK_STREAM, 0, c->fds);
}

static bool unix_packet_open(struct channel *c)
{
	return !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, c->fds);
}

static bool unix_datagram_open(struct channel *c)
{
	return !socketpair(AF_UNIX, SOCK_DGRAM, 0, c->fds);
}

static bool tcp_open(struct channel *c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	NEED(!bind(l, (void *)&a, len) && !listen(l, 1) && !getsockname(l, (void *)&a, &len));
	c->fds[1] = socket(AF_INET, SOCK_STREAM, 0);
	NEED(!connect(c->fds[1], (void *)&a, len));
	c->fds[0] = accept(l, NULL, NULL);
	close(l);
	return c->fds[0] >= 0;
}

/* What has no room at the receiver yet makes a checkpoint wait: so not too far ahead. */
static void tcp_send(struct channel *c, uint64_t n, bool last)
{
	while (c->s->sent - c->s->received > AHEAD / 5)
		sched_yield();
	stream_send(c, n, last);
}

/* A ring in shared memory, with futexes to wait on. */
static void ring_wait(_Atomic uint32_t *word, uint32_t value)
{
	long rc = syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);

	if (rc < 0 && errno != EAGAIN)
		die("futex");
}

static void ring_wake(_Atomic uint32_t *word)
{
	NEED(syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
}

static void ring_send(struct channel *c, uint64_t n, bool last)
{
	struct shared *s = c->s;
	uint32_t head = s->head, tail;

	while (head - (tail = s->tail) == RING)
		ring_wait(&s->tail, tail);
	s->ring[head % RING] = last ? UINT64_MAX : n;
	s->head = head + 1;
	ring_wake(&s->head);
}

static bool number_is(uint64_t got, uint64_t n)
{
	if (got == UINT64_MAX)
		return false;
	if (got != n)
		die("number %lu came, not %lu", (unsigned long)got, (unsigned long)n);
	return true;
}

static bool ring_receive(struct channel *c, uint64_t n)
{
	struct shared *s = c->s;
	uint32_t tail = s->tail, head;
	uint64_t got;

	while ((head = s->head) == tail)
		ring_wait(&s->head, head);
	got = s->ring[tail % RING];
	s->tail = tail + 1;
	ring_wake(&s->tail);
	return number_is(got, n);
}

static bool shared_open(struct channel *c)
{
	(void)c;
	return true;
}

/* One slot, and an eventfd each way to hand it over. */
static bool eventfd_open(struct channel *c)
{
	c->fds[0] = eventfd(0, 0);
	c->fds[1] = eventfd(0, EFD_SEMAPHORE);
	return c->fds[0] >= 0 && c->fds[1] >= 0;
}

static void eventfd_send(struct channel *c, uint64_t n, bool last)
{
	uint64_t one = 1;

	c->s->slot = last ? UINT64_MAX : n;
	NEED(write(c->fds[0], &one, sizeof(one)) == sizeof(one));
	NEED(read(c->fds[1], &one, sizeof(one)) == sizeof(one) && one == 1);
}

static bool eventfd_receive(struct channel *c, uint64_t n)
{
	uint64_t one, got;

	NEED(read(c->fds[0], &one, sizeof(one)) == sizeof(one) && one == 1);
	got = c->s->slot;
	NEED(write(c->fds[1], &one, sizeof(one)) == sizeof(one));
	return number_is(got, n);
}

/* The same with two semaphores of a System V set. */
static bool semaphore_open(struct channel *c)
{
	c->fds[0] = semget(IPC_PRIVATE, 2, 0600);
	return c->fds[0] >= 0;
}

static void semaphore_change(struct channel *c, unsigned short which, short by)
{
	struct sembuf op = { which, by, 0 };

	NEED(!semop(c->fds[0], &op, 1));
}

static void semaphore_send(struct channel *c, uint64_t n, bool last)
{
	c->s->slot = last ? UINT64_MAX : n;
	semaphore_change(c, 0, 1);
	semaphore_change(c, 1, -1);
}

static bool semaphore_receive(struct channel *c, uint64_t n)
{
	uint64_t got;

	semaphore_change(c, 0, -1);
	got = c->s->slot;
	semaphore_change(c, 1, 1);
	return number_is(got, n);
}

static bool queue_open(struct channel *c)
{
	c->fds[0] = msgget(IPC_PRIVATE, 0600);
	return c->fds[0] >= 0;
}

struct queued {
	long type;
	char text[HEAD + BODY_MAX];
};

static void queue_send(struct channel *c, uint64_t n, bool last)
{
	size_t size = message_fill(c->m, n, BODY_MAX, last);
	struct queued q = { .type = 1 };

	memcpy(q.text, c->m, size);
	NEED(!msgsnd(c->fds[0], &q, size, 0));
}

static bool queue_receive(struct channel *c, uint64_t n)
{
	struct queued q;
	ssize_t size = msgrcv(c->fds[0], &q, sizeof(q.text), 0, 0);

	NEED(size > 0);
	memcpy(c->m, q.text, (size_t)size);
	return message_check(c->m, (size_t)size, n, BODY_MAX);
}

/* Queued signals, the number being their value. */
static void signal_send(struct channel *c, uint64_t n, bool last)
{
	union sigval v = { .sival_int = last ? -1 : (int)(n & INT32_MAX) };

	while (c->s->sent - c->s->received > AHEAD)
		sched_yield();
	NEED(!sigqueue(c->pids[0], SIGRTMIN + 3, v));
}

static bool signal_receive(struct channel *c, uint64_t n)
{
	siginfo_t info;
	sigset_t set;

	(void)c;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	NEED(sigwaitinfo(&set, &info) == SIGRTMIN + 3);
	NEED(info.si_code == SI_QUEUE);
	return info.si_value.sival_int >= 0 &&
	       number_is((uint64_t)info.si_value.sival_int, n & INT32_MAX);
}

/* A slot under a process-shared mutex, with a condition to wait for one's turn. */
static bool mutex_open(struct channel *c)
{
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	return !pthread_mutex_init(&c->s->lock, &ma) && !pthread_cond_init(&c->s->turn, &ca);
}

static void mutex_hand_over(struct channel *c, bool full)
{
	NEED(!pthread_mutex_lock(&c->s->lock));
	while (c->s->full == full)
		NEED(!pthread_cond_wait(&c->s->turn, &c->s->lock));
}

static void mutex_done(struct channel *c, bool full)
{
	c->s->full = full;
	NEED(!pthread_cond_signal(&c->s->turn));
	NEED(!pthread_mutex_unlock(&c->s->lock));
}

static void mutex_send(struct channel *c, uint64_t n, bool last)
{
	mutex_hand_over(c, true);
	c->s->slot = last ? UINT64_MAX : n;
	mutex_done(c, true);
}

static bool mutex_receive(struct channel *c, uint64_t n)
{
	uint64_t got;

	mutex_hand_over(c, false);
	got = c->s->slot;
	mutex_done(c, false);
	return number_is(got, n);
}

static struct channel channels[] = {
	{ "pipe", pipe_open, stream_send, stream_receive },
	{ "packets", packet_pipe_open, packet_send, packet_receive },
	{ "fifo", fifo_open, stream_send, stream_receive },
	{ "unix-stream", unix_stream_open, stream_send, stream_receive },
	{ "unix-packets", unix_packet_open, packet_send, packet_receive },
	{ "unix-datagrams", unix_datagram_open, packet_send, packet_receive },
	{ "tcp", tcp_open, tcp_send, stream_receive },
	{ "ring", shared_open, ring_send, ring_receive },
	{ "eventfd", eventfd_open, eventfd_send, eventfd_receive },
	{ "semaphores", semaphore_open, semaphore_send, semaphore_receive },
	{ "queue", queue_open, queue_send, queue_receive },
	{ "signals", shared_open, signal_send, signal_receive },
	{ "mutex", mutex_open, mutex_send, mutex_receive },
};
enum { CHANNELS = sizeof(channels) / sizeof(channels[0]) };

static void run_sender(struct channel *c)
{
	while (!*stop) {
		c->send(c, c->s->sent, false);
		c->s->sent++;
	}
	c->send(c, c->s->sent, true);
}

static void run_receiver(struct channel *c)
{
	while (c->receive(c, c->s->received))
		c->s->received++;
}

static pid_t start(struct channel *c, void (*run)(struct channel *))
{
	pid_t pid = fork();

	NEED(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = c;
	run(c);
	_exit(0);
}

static bool wanted(const struct channel *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], c->name))
			return true;
	return argc == 1;
}

static void channel_start(struct channel *c)
{
	c->s = mmap(NULL, sizeof(*c->s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	c->m = malloc(sizeof(*c->m));
	NEED(c->s != MAP_FAILED && c->m);
	me = c;
	NEED(c->open(c));
	/* The receiver's id is known to the sender, and the sender's to the receiver by what it gets. */
	c->pids[0] = start(c, run_receiver);
	c->pids[1] = start(c, run_sender);
	me = NULL;
}

/* Wait until every channel has moved; the sum of all. */
static uint64_t progress(void)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CHANNELS; i++) {
		struct channel *c = &channels[i];

		if (!c->s)
			continue;
		while (c->s->received <= c->seen) {
			if (waitpid(-1, NULL, WNOHANG) != 0)
				_exit(1); /* it has said why */
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
		c->seen = c->s->received;
		sum += c->seen;
	}
	return sum;
}

/* Queues and semaphores outlive their processes. */
static void clear(void)
{
	for (size_t i = 0; i < CHANNELS; i++) {
		struct channel *c = &channels[i];

		if (c->s && c->send == semaphore_send)
			semctl(c->fds[0], 0, IPC_RMID);
		if (c->s && c->send == queue_send)
			msgctl(c->fds[0], IPC_RMID, NULL);
	}
}

static int finish(void)
{
	int failed = 0, status;

	*stop = true;
	while (wait(&status) > 0)
		failed |= status;
	clear();
	for (size_t i = 0; i < CHANNELS; i++)
		if (channels[i].s && channels[i].s->sent != channels[i].s->received) {
			dprintf(2, "%s: %lu sent, %lu received\n", channels[i].name,
				(unsigned long)channels[i].s->sent,
				(unsigned long)channels[i].s->received);
			failed = 1;
		}
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	char line[16];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &set, NULL);
	stop = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < CHANNELS; i++)
		if (wanted(&channels[i], argc, argv))
			channel_start(&channels[i]);
	dprintf(1, "%d\n", getpid());
	while (read(0, line, sizeof(line)) > 0 && *line != 'e')
		dprintf(1, "%lu\n", (unsigned long)progress());
	return finish();
}
