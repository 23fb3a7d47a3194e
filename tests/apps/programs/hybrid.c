/* SPDX-License-Identifier: Apache-2.0 */
/* Every thread talks with the same thread of the other process (MPI_THREAD_MULTIPLE); all add up. */
#include <mpi.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>

enum { THREADS = 2, WORDS = 4096, STEPS = 20, SWEEPS = 12 };

static uint64_t mine[THREADS][WORDS], theirs[THREADS][WORDS];

static void talk(int other)
{
	int t = omp_get_thread_num();

	for (int sweep = 0; sweep < SWEEPS; sweep++) {
		MPI_Sendrecv(mine[t], WORDS, MPI_UINT64_T, other, t, theirs[t], WORDS, MPI_UINT64_T,
			     other, t, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		for (int i = 0; i < WORDS; i++)
			mine[t][i] =
				mine[t][i] * 6364136223846793005u + theirs[t][WORDS - 1 - i] + 1;
	}
}

int main(int argc, char **argv)
{
	int rank, size, level;
	uint64_t sum = 0, all = 0;

	MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	if (level < MPI_THREAD_MULTIPLE || size != 2)
		MPI_Abort(MPI_COMM_WORLD, 2);
	mine[0][0] = (uint64_t)rank + 1;
	for (int step = 1; step <= STEPS; step++) {
#pragma omp parallel num_threads(THREADS)
		talk(1 - rank);
#pragma omp parallel for reduction(+ : sum)
		for (int i = 0; i < WORDS; i++)
			sum += mine[0][i] ^ mine[1][i];
		MPI_Allreduce(&sum, &all, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
		if (!rank) {
			printf("step %d\n", step);
			fflush(stdout);
		}
	}
	if (!rank)
		printf("sum %016llx\n", (unsigned long long)all);
	MPI_Finalize();
	return 0;
}
