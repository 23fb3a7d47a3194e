# SPDX-License-Identifier: Apache-2.0
"""A pool of processes, a queue, a lock over shared memory, a sub-process a step; each run is equal."""
import hashlib
import multiprocessing as mp
import subprocess

STEPS = 20


def square(n):
    digest = hashlib.sha256()
    for i in range(60000):
        digest.update(b"%d" % (n * i))
    return int(digest.hexdigest()[:8], 16)


def consume(queue, total):
    while (n := queue.get()) is not None:
        with total.get_lock():
            total.value = (total.value * 31 + n) % 1000003


def main():
    queue, total = mp.Queue(), mp.Value("q", 1)
    consumer = mp.Process(target=consume, args=(queue, total))
    consumer.start()
    with mp.Pool(3) as pool:
        for step in range(1, STEPS + 1):
            parts = pool.map(square, range(step * 8, step * 8 + 8), chunksize=2)
            said = subprocess.run(["expr", str(parts[0]), "%", "97"], stdout=subprocess.PIPE, check=False)
            queue.put(sum(parts) + int(said.stdout))
            print("step", step, flush=True)
    queue.put(None)
    consumer.join()
    print("total", total.value, consumer.exitcode)


if __name__ == "__main__":
    main()
