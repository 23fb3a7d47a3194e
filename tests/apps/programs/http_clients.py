# SPDX-License-Identifier: Apache-2.0
"""Threads that ask an HTTP server for /page: each second request over a new connection."""
import hashlib
import http.client
import sys
import threading

PORT = int(sys.argv[1])
CLIENTS, REQUESTS = 4, 75


def client(sums, which):
    kept = http.client.HTTPConnection("127.0.0.1", PORT)
    for i in range(REQUESTS):
        connection = kept if i % 2 else http.client.HTTPConnection("127.0.0.1", PORT)
        connection.request("GET", "/page")
        answer = connection.getresponse()
        sums[which].update(b"%d" % answer.status)
        sums[which].update(answer.read())
        if connection is not kept:
            connection.close()
    kept.close()


sums = [hashlib.sha256() for _ in range(CLIENTS)]
for step in range(1, 21):
    threads = [threading.Thread(target=client, args=(sums, i)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("step", step, flush=True)
for each in sums:
    print(each.hexdigest())
