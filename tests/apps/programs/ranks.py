# SPDX-License-Identifier: Apache-2.0
"""Processes that send one another objects and arrays, in a ring and to all."""
import hashlib

import numpy
from mpi4py import MPI

world = MPI.COMM_WORLD
rank, size = world.Get_rank(), world.Get_size()
block = numpy.arange(40000, dtype=numpy.int64) * (rank + 1)
got = numpy.empty_like(block)
word = {"rank": rank, "text": "begin"}
for step in range(1, 21):
    for _ in range(40):
        word = world.sendrecv(word, dest=(rank + 1) % size, source=(rank - 1) % size)
        word["text"] = hashlib.sha256((word["text"] + str(rank)).encode()).hexdigest()
        world.Sendrecv(block, dest=(rank + 1) % size, recvbuf=got, source=(rank - 1) % size)
        block = got * 3 + rank
        world.Allreduce(MPI.IN_PLACE, got, op=MPI.SUM)
    block ^= got
    words = world.gather(word, root=0)
    if rank == 0:
        print("step", step, flush=True)
sums = world.gather(hashlib.sha256(block.tobytes()).hexdigest(), root=0)
if rank == 0:
    print("result", hashlib.sha256(repr((words, sums)).encode()).hexdigest(), flush=True)
