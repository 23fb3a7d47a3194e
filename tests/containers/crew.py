# SPDX-License-Identifier: Apache-2.0
# Two processes that count under a lock and report over a queue, and a thread that only counts; a line of ./lines
# for each report, until there is ./stop. A report that is lost or doubled, or a count that is wrong, fails.
import multiprocessing, os, sys, threading, time


def work(me, reports, lock, total):
    n = 0
    while not os.path.exists('stop'):
        with lock:
            total.value += 1
        n += 1
        if n % 20 == 0:
            reports.put((me, n))
        time.sleep(0.001)
    reports.put((me, None))
    sys.exit(n % 100)


def beat(seen):
    while not os.path.exists('stop'):
        seen[0] += 1
        time.sleep(0.002)


def follow(reports, last):
    lines = open('lines', 'w')
    for n in range(1, sys.maxsize):
        me, count = reports.get()
        if count is None:
            del last[me]
        elif count == last[me] + 20:
            last[me] = count
        else:
            sys.exit('worker %d is at %d after %d' % (me, count, last[me]))
        if not last:
            return
        print(n, file=lines, flush=True)


reports, lock, total = multiprocessing.Queue(), multiprocessing.Lock(), multiprocessing.Value('L', 0)
seen = [0]
thread = threading.Thread(target=beat, args=(seen,))
thread.start()
workers = [multiprocessing.Process(target=work, args=(me, reports, lock, total)) for me in range(2)]
for worker in workers:
    worker.start()
follow(reports, {0: 0, 1: 0})
for worker in workers:
    worker.join()
thread.join()
right = sum(worker.exitcode for worker in workers) % 100 == total.value % 100 and seen[0] > 0
sys.exit(7 if right else 3)
