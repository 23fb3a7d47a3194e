/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heat in a plate cut into bands, a process each: rows are exchanged with the neighbours, a large message
 * goes round the ring, sums are made of all. Every number is computed in one order only: runs are equal.
 */
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS = 300,
	WIDTH = 1024,
	STEPS = 20,
	SWEEPS = 6,
	RING = 1 << 16,
	TAG_UP = 1,
	TAG_DOWN,
	TAG_RING
};

static double u[ROWS + 2][WIDTH], v[ROWS + 2][WIDTH], ring[RING];
static int rank, size;

static void exchange(void)
{
	int up = rank ? rank - 1 : MPI_PROC_NULL, down = rank + 1 < size ? rank + 1 : MPI_PROC_NULL;
	MPI_Request r[4];
	MPI_Status done[4];

	MPI_Irecv(u[0], WIDTH, MPI_DOUBLE, up, TAG_DOWN, MPI_COMM_WORLD, &r[0]);
	MPI_Irecv(u[ROWS + 1], WIDTH, MPI_DOUBLE, down, TAG_UP, MPI_COMM_WORLD, &r[1]);
	MPI_Isend(u[1], WIDTH, MPI_DOUBLE, up, TAG_UP, MPI_COMM_WORLD, &r[2]);
	MPI_Isend(u[ROWS], WIDTH, MPI_DOUBLE, down, TAG_DOWN, MPI_COMM_WORLD, &r[3]);
	MPI_Waitall(4, r, done);
}

static void sweep(void)
{
	exchange();
	for (int i = 1; i <= ROWS; i++)
		for (int j = 1; j < WIDTH - 1; j++)
			v[i][j] = 0.25 * (u[i - 1][j] + u[i + 1][j] + u[i][j - 1] + u[i][j + 1]);
	for (int i = 1; i <= ROWS; i++)
		for (int j = 1; j < WIDTH - 1; j++)
			u[i][j] = v[i][j];
}

static void go_round(void)
{
	MPI_Sendrecv_replace(ring, RING, MPI_DOUBLE, (rank + 1) % size, TAG_RING,
			     (rank + size - 1) % size, TAG_RING, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	for (int i = 0; i < RING; i++)
		ring[i] += rank;
}

int main(int argc, char **argv)
{
	uint64_t hash = 0, all;
	double sum = 0;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	for (int j = 0; j < WIDTH; j++)
		u[0][j] = rank ? 0 : 100;
	for (int step = 1; step <= STEPS; step++) {
		for (int i = 0; i < SWEEPS; i++) {
			sweep();
			go_round();
		}
		hash = hash * 6364136223846793005u + (uint64_t)(ring[step] * 1000) +
		       (uint64_t)u[1][7];
		MPI_Allreduce(&hash, &all, 1, MPI_UINT64_T, MPI_BXOR, MPI_COMM_WORLD);
		if (!rank) {
			printf("step %d\n", step);
			fflush(stdout);
		}
	}
	for (int i = 1; i <= ROWS; i++)
		for (int j = 0; j < WIDTH; j++)
			sum += u[i][j];
	if (rank) {
		MPI_Send(&sum, 1, MPI_DOUBLE, 0, 0, MPI_COMM_WORLD);
	} else {
		for (int i = 1; i < size; i++) {
			double more;

			MPI_Recv(&more, 1, MPI_DOUBLE, i, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			sum += more;
		}
		printf("total %.17g hash %016llx of %d\n", sum, (unsigned long long)all, size);
	}
	MPI_Finalize();
	return 0;
}
