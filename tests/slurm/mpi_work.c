/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of several processes: each step is a sum over all of them, and its line in FILE the first one's.
 * It ends when there is FILE.enough, with the sum of all steps.
 *	mpi_work FILE
 */
#include <mpi.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const struct timespec pause = { .tv_nsec = 20000000 };
	long step, sum, total = 0, end = 0;
	char enough[1024];
	FILE *f = NULL;
	int rank;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	if (argc != 2 || (!rank && !(f = fopen(argv[1], "w"))))
		MPI_Abort(MPI_COMM_WORLD, 2);
	snprintf(enough, sizeof(enough), "%s.enough", argv[1]);
	for (step = 1; !end; step++) {
		MPI_Allreduce(&step, &sum, 1, MPI_LONG, MPI_SUM, MPI_COMM_WORLD);
		total += sum;
		if (f) {
			fprintf(f, "%ld\n", step);
			fflush(f);
			end = !access(enough, F_OK);
		}
		MPI_Bcast(&end, 1, MPI_LONG, 0, MPI_COMM_WORLD);
		nanosleep(&pause, NULL);
	}
	if (!rank)
		printf("total %ld\n", total);
	MPI_Finalize();
	return 0;
}
