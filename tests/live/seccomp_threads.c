/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads with filters of their own: some put on by each alone, some that one has inherited from another.
 * Those that share theirs still do: only then can one of them put another on all threads at once (TSYNC).
 */
#include "live_seccomp.h"

enum {
	NUM = 1000, /* errno by the filter of letter A; B gives the next, and so on */
	THREADS = 4, /* of a process */
};

enum { SHARED, OWN, LONE, PROCESSES };

enum { A, B, C, D, LETTERS };

static const long calls[LETTERS] = { SYS_getppid, SYS_getpgid, SYS_getsid, SYS_getuid };

static struct state { /* of a process, and shared with it */
	_Atomic int phase, done;
	struct worker {
		pid_t tid;
		int had, has; /* letters, as bits */
	} at[THREADS];
	int n;
	long synced;
} * s;

static int refused(void)
{
	int has = 0;

	for (int i = 0; i < LETTERS; i++)
		if (syscall(calls[i], 0) == -1 && errno == NUM + i)
			has |= 1 << i;
	return has;
}

static void await(_Atomic int *word, int value)
{
	int now;

	while ((now = *word) < value)
		syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, now, NULL);
}

static void add(_Atomic int *word)
{
	(*word)++;
	syscall(SYS_futex, word, 1 /* FUTEX_WAKE */, INT32_MAX);
}

static void put(int letter, unsigned int flags)
{
	live_refuse(flags, calls[letter], NUM + letter);
}

/* As worker @w: at first and after the restart it says what it is refused. */
static void work(struct worker *w)
{
	w->tid = (pid_t)syscall(SYS_gettid);
	w->had = refused();
	add(&s->done);
	await(&s->phase, 1);
}

static void report(struct worker *w)
{
	await(&s->phase, 2);
	w->has = refused();
	add(&s->done);
	await(&s->phase, 3);
}

static void *plain(void *w)
{
	work(w);
	report(w);
	return NULL;
}

static void *with_c(void *w)
{
	put(C, SECCOMP_FILTER_FLAG_LOG);
	return plain(w);
}

static void *with_d(void *w)
{
	put(D, 0);
	return plain(w);
}

static void synchronize(int letter)
{
	struct sock_filter code[] = {
		LIVE_NR,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[letter], 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)(NUM + letter)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	s->synced = live_seccomp(SECCOMP_FILTER_FLAG_TSYNC, code, sizeof(code) / sizeof(code[0]));
	add(&s->done);
}

/* Puts B on, makes another thread, which so has it too, and in the end gives A to all. */
static void *parent(void *w)
{
	pthread_t t;

	put(B, 0);
	t = live_thread(plain, (struct worker *)w + 1);
	work(w);
	synchronize(A);
	report(w);
	LIVE_CHECK(!pthread_join(t, NULL));
	return NULL;
}

/* The leader has none, two threads have the same. */
static void sharing(void)
{
	pthread_t t = live_thread(parent, &s->at[1]);

	plain(&s->at[0]);
	LIVE_CHECK(!pthread_join(t, NULL));
}

/* All have A, one of them C and another D as well: no two of them can be synchronized. */
static void differing(void)
{
	pthread_t t[3];

	put(A, 0);
	t[0] = live_thread(plain, &s->at[1]);
	t[1] = live_thread(with_c, &s->at[2]);
	t[2] = live_thread(with_d, &s->at[3]);
	work(&s->at[0]);
	synchronize(B);
	report(&s->at[0]);
	for (int i = 0; i < 3; i++)
		LIVE_CHECK(!pthread_join(t[i], NULL));
}

static void *lonely(void *w)
{
	put(C, 0);
	work(w);
	add(&s->done); /* nobody to synchronize */
	report(w);
	return NULL;
}

/* Its leader has ended. */
static void leaderless(void)
{
	live_thread(lonely, &s->at[0]);
	syscall(SYS_exit, 0);
}

static pid_t begin(struct state *state, void (*run)(void), int n)
{
	pid_t pid = fork();

	LIVE_CHECK(pid >= 0);
	s = state;
	s->n = n;
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		run();
		exit(0);
	}
	await(&s->done, n);
	return pid;
}

static void finish(struct state *state, pid_t pid)
{
	int status;

	s = state;
	s->done = 0;
	add(&s->phase);
	await(&s->done, 1);
	add(&s->phase);
	await(&s->done, 1 + s->n);
	add(&s->phase);
	LIVE_CHECK(waitpid(pid, &status, 0) == pid);
	LIVE_EQUAL(status, 0);
}

static void look(const struct state *of, pid_t pid, struct live_chain *chains)
{
	for (int i = 0; i < of->n; i++)
		live_chain(pid, of->at[i].tid, &chains[i]);
}

int main(void)
{
	static struct live_chain before[PROCESSES][THREADS], now[PROCESSES][THREADS];
	struct state *of = mmap(NULL, PROCESSES * sizeof(*of), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[PROCESSES];

	live_needs_seccomp();
	LIVE_CHECK(of != MAP_FAILED);
	pids[SHARED] = begin(&of[SHARED], sharing, 3);
	pids[OWN] = begin(&of[OWN], differing, 4);
	pids[LONE] = begin(&of[LONE], leaderless, 1);
	for (int i = 0; i < PROCESSES; i++)
		look(&of[i], pids[i], before[i]);
	live_ready();
	for (int i = 0; i < PROCESSES; i++) {
		look(&of[i], pids[i], now[i]);
		for (int k = 0; k < of[i].n; k++)
			live_same_chain(&before[i][k], &now[i][k]);
		finish(&of[i], pids[i]);
	}
	LIVE_EQUAL(of[SHARED].synced, 0);
	for (int k = 0; k < of[SHARED].n; k++)
		LIVE_EQUAL(of[SHARED].at[k].has, 1 << A | 1 << B);
	LIVE_CHECK(of[OWN].synced > 0);
	for (int k = 0; k < of[OWN].n; k++)
		LIVE_EQUAL(of[OWN].at[k].has, of[OWN].at[k].had);
	LIVE_EQUAL(of[LONE].at[0].has, 1 << C);
	LIVE_EQUAL(of[OWN].at[2].has, 1 << A | 1 << C);
	LIVE_EQUAL(of[OWN].at[3].has, 1 << A | 1 << D);
	return 0;
}
