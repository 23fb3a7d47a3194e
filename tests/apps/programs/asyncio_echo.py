# SPDX-License-Identifier: Apache-2.0
"""An echo server of asyncio, and clients of it in other processes: numbered lines, in both directions."""
import asyncio
import multiprocessing
import os

CLIENTS, CONNECTIONS, LINES = 2, 5, 600


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line)
        await writer.drain()
    writer.close()


async def talk(port, which):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [b"%d %d\n" % (which, i) for i in range(LINES)]
    writer.writelines(lines)
    for line in lines:
        got = await reader.readline()
        assert got == line, (got, line)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


def client(port, which):
    async def all_steps():
        for step in range(1, 21):
            first = which * CONNECTIONS
            await asyncio.gather(*(talk(port, first + i) for i in range(CONNECTIONS)))
            if which == 0:
                print("step", step, flush=True)

    asyncio.run(all_steps())


async def main():
    port = 20000 + os.getpid() % 10000  # none that the kernel gives to others by itself
    server = None
    while not server:
        port += 1
        try:
            server = await asyncio.start_server(echo, "127.0.0.1", port)
        except OSError:
            pass  # taken
    loop = asyncio.get_running_loop()
    clients = [multiprocessing.Process(target=client, args=(port, i)) for i in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        await loop.run_in_executor(None, each.join)
        assert each.exitcode == 0, each.exitcode
    server.close()
    await server.wait_closed()


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    asyncio.run(main())
