# SPDX-License-Identifier: Apache-2.0
"""Four threads with queues between them; exact integers in floating point, so every run is equal."""
import hashlib
import queue
import threading

import numpy as np

STEPS, THREADS, SIZE = 20, 4, 400


def chain(seed, jobs, results):
    digest = hashlib.sha256(str(seed).encode())
    rng = np.random.default_rng(seed)
    while (step := jobs.get()) is not None:
        a = rng.integers(-50, 50, (SIZE, SIZE)).astype(float)
        b = a @ a.T  # exact: products of small integers
        words = {}
        for i in range(6000):
            words[f"{step}-{i % 977}"] = words.get(f"{step}-{i % 977}", 0) + i * seed
        try:
            raise ValueError(sum(words.values()))
        except ValueError as e:
            digest.update(str(e).encode())
        digest.update(b.tobytes())
        results.put((seed, digest.hexdigest()))


jobs = [queue.Queue() for _ in range(THREADS)]
results = queue.Queue()
threads = [threading.Thread(target=chain, args=(i, jobs[i], results)) for i in range(THREADS)]
for t in threads:
    t.start()
for step in range(1, STEPS + 1):
    for _ in range(3):
        for q in jobs:
            q.put(step)
        last = sorted(results.get() for _ in jobs)
    print("step", step, flush=True)
for q in jobs:
    q.put(None)
for t in threads:
    t.join()
print(hashlib.sha256(repr(last).encode()).hexdigest())
