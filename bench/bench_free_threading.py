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
BETWEEN_LOOKS = 1000        # messages between two looks at the clock


def count(context: zmq.Context, name: str, seconds: float, start: threading.Barrier, counts: list[float]) -> None:
    """Messages per second of this thread, appended to `counts`."""
    with context.socket(zmq.PAIR) as a, context.socket(zmq.PAIR) as b:
        a.bind(f"inproc://{name}")
        b.connect(f"inproc://{name}")
        send, recv = a.send, b.recv
        message = bytes(bytearray(SIZE))        # of this thread: who counts references to one of another's waits for it
        start.wait()
        began = time.perf_counter()
        sent = 0
        while (passed := time.perf_counter() - began) < seconds:
            for _ in range(BETWEEN_LOOKS):
                send(message)
                recv()
            sent += BETWEEN_LOOKS
        counts.append(sent / passed)


def count_turns(context: zmq.Context, name: str, seconds: float, start: threading.Barrier, counts: list[float]) -> None:
    """Turns per second of a loop without messages, appended to `counts`."""
    start.wait()
    began = time.perf_counter()
    turns = 0
    while (passed := time.perf_counter() - began) < seconds:
        for _ in range(BETWEEN_LOOKS):
            turns += 1
    counts.append(turns / passed)


def rate(threads: int, seconds: float, work: Callable[..., None] = count) -> float:
    counts: list[float] = []
    start = threading.Barrier(threads)
    with zmq.Context() as context:
        workers = [threading.Thread(target=work, args=(context, f"worker-{number}", seconds, start, counts))
                   for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return sum(counts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    arguments = parser.parse_args()
    free = not getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"Python {sys.version.split()[0]}, {'free-threaded' if free else 'with a GIL'}"
          f"{' (built free-threaded)' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''}, libzmq {zmq.zmq_version()}")
    rate(2, 0.2)
    ratios, turns = [], []
    for _ in range(arguments.rounds):
        one, two = rate(1, arguments.seconds), rate(2, arguments.seconds)
        ratios.append(two / one)
        turns.append(rate(2, arguments.seconds, count_turns) / rate(1, arguments.seconds, count_turns))
        print(f"1 thread {one / 1e6:.2f} M messages/s, 2 threads {two / 1e6:.2f} M messages/s, ratio {two / one:.2f}; "
              f"of the loop {turns[-1]:.2f}")
    print(f"median ratio {statistics.median(ratios):.2f}; of the loop {statistics.median(turns):.2f}")


if __name__ == "__main__":
    main()
