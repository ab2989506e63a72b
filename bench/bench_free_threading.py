"""Two threads on one context, each with sockets of its own, beside one thread: `python bench/bench_free_threading.py`.

Each thread sends itself messages of 16 bytes over inproc. On a free-threaded Python on two free cores, two threads should
send 1.8 times as many as one; with a GIL, as many. Rounds take turns; the last line is the median of their ratios, beside
that of a loop in which the threads share nothing at all: what this machine gives to two threads at this time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import sysconfig
import threading
import time
from collections.abc import Callable

import zmqfast as zmq

SIZE = 16                   # bytes
TURNS_PER_MESSAGE = 10      # of the loop without messages, which takes about as long then


def exchange(context: zmq.Context, name: str, messages: int, start: threading.Barrier, times: list[float]) -> None:
    """Messages from a socket of this thread to another one; when the first and the last went is appended to `times`."""
    with context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
        a.bind(f"inproc://{name}")
        b.connect(f"inproc://{name}")
        send, recv = a.send, b.recv
        message = bytes(bytearray(SIZE))        # of this thread: who counts references to one of another's waits for it
        start.wait()
        times.append(time.perf_counter())
        for _ in range(messages):
            send(message)
            recv()
        times.append(time.perf_counter())


def loop(context: zmq.Context, name: str, messages: int, start: threading.Barrier, times: list[float]) -> None:
    """The turns of a loop without messages."""
    start.wait()
    times.append(time.perf_counter())
    turns = 0
    for _ in range(messages * TURNS_PER_MESSAGE):
        turns += 1
    times.append(time.perf_counter())


def rate(threads: int, messages: int, work: Callable[..., None] = exchange) -> float:
    """Messages per second of all threads, each with as many to do, from the first one's start to the last one's end."""
    times: list[float] = []
    start = threading.Barrier(threads)
    with zmq.Context() as context:
        workers = [threading.Thread(target=work, args=(context, f"worker-{number}", messages, start, times))
                   for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return threads * messages / (max(times) - min(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=1_000_000, help="of each thread")
    arguments = parser.parse_args()
    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {sys.version.split()[0]}, {'free-threaded' if free else 'with a GIL'}"
          f"{' (built free-threaded)' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''}, libzmq {zmq.zmq_version()}")
    rate(2, arguments.messages // 10)
    ratios, turns = [], []
    for _ in range(arguments.rounds):
        one, two = rate(1, arguments.messages), rate(2, arguments.messages)
        ratios.append(two / one)
        turns.append(rate(2, arguments.messages, loop) / rate(1, arguments.messages, loop))
        print(f"1 thread {one / 1e6:.2f} M messages/s, 2 threads {two / 1e6:.2f} M messages/s, ratio {two / one:.2f}; "
              f"of the loop {turns[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}; of the loop {statistics.median(turns):.2f}")


if __name__ == "__main__":
    main()
