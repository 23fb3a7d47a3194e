/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small fuzzer that needs nothing but gcc: mutates seeds, hands them to the target, leaves it to
 * the sanitizers to object.
 *
 *	static void target(const uint8_t *bytes, size_t n) { ... }
 *	int main(int argc, char **argv) { return fuzz_main(argc, argv, target, seeds, nseeds); }
 *
 * The one rule: a run is repeatable. "PROG SECONDS SEED" says how long and from which seed (default 2 s,
 * seed 1); before each call the input is copied to a buffer of exactly its size, so that one byte too
 * far is seen; "PROG FILE" runs one input.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fuzz_seed {
	const void *bytes;
	size_t n;
};

typedef void fuzz_target(const uint8_t *bytes, size_t n);

static uint64_t fuzz_state;

static inline uint64_t fuzz_random(void)
{
	fuzz_state ^= fuzz_state << 13;
	fuzz_state ^= fuzz_state >> 7;
	fuzz_state ^= fuzz_state << 17;
	return fuzz_state;
}

/* One change somewhere in the @n bytes at @buf, room for @max. Returns the new length. */
static inline size_t fuzz_mutate_once(uint8_t *buf, size_t n, size_t max)
{
	static const uint64_t odd[] = { 0,
					1,
					0x7f,
					0x80,
					0xff,
					0x7fffffff,
					0x80000000,
					0xffffffff,
					0x7fffffffffffffff,
					0xffffffffffffffff,
					4096,
					1 << 20 };
	size_t at = n ? fuzz_random() % n : 0;
	size_t len = 1U << fuzz_random() % 4;

	switch (n ? fuzz_random() % 6 : 5) {
	case 0:
		buf[at] ^= (uint8_t)(1U << fuzz_random() % 8);
		return n;
	case 1:
		buf[at] = (uint8_t)fuzz_random();
		return n;
	case 2: /* a number at its edge */
		at -= at % len;
		memcpy(buf + at, &odd[fuzz_random() % 12], at + len <= n ? len : n - at);
		return n;
	case 3:
		return at; /* cut short */
	case 4: /* copy a piece elsewhere */
		len = fuzz_random() % (n - at) + 1;
		memmove(buf + fuzz_random() % (n - len + 1), buf + at, len);
		return n;
	default:
		if (n < max)
			buf[n++] = (uint8_t)fuzz_random();
		return n;
	}
}

static inline void fuzz_call(fuzz_target *target, const uint8_t *bytes, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		abort();
	memcpy(exact, bytes, n);
	target(exact, n);
	free(exact);
}

static inline int fuzz_file(fuzz_target *target, const char *path)
{
	static uint8_t buf[16 << 20];
	FILE *f = fopen(path, "rb");

	if (!f)
		return 1;
	fuzz_call(target, buf, fread(buf, 1, sizeof(buf), f));
	fclose(f);
	return 0;
}

static inline int fuzz_main(int argc, char **argv, fuzz_target *target,
			    const struct fuzz_seed *seeds, size_t nseeds)
{
	time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 2);
	unsigned long runs = 0;
	size_t max = 64;

	if (argc == 2 && !atoi(argv[1]))
		return fuzz_file(target, argv[1]);
	fuzz_state = argc > 2 ? (uint64_t)atoll(argv[2]) | 1 : 1;
	for (size_t i = 0; i < nseeds; i++) {
		max = seeds[i].n + 64 > max ? seeds[i].n + 64 : max;
		fuzz_call(target, seeds[i].bytes, seeds[i].n);
	}
	uint8_t *buf = malloc(max);
	if (!buf)
		return 1;
	for (; time(NULL) < end; runs++) {
		const struct fuzz_seed *seed = &seeds[fuzz_random() % nseeds];
		size_t n = seed->n;

		memcpy(buf, seed->bytes, n);
		for (uint64_t changes = fuzz_random() % 4 + 1; changes; changes--)
			n = fuzz_mutate_once(buf, n, max);
		fuzz_call(target, buf, n);
	}
	free(buf);
	printf("%lu inputs\n", runs);
	return 0;
}
