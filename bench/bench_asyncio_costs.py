"""What the loop costs: `python bench/bench_asyncio_costs.py`, with --loop uvloop for the other one.

- recv_many() in asyncio beside the blocking one: messages that are there, and messages that another process sends.
- Fairness: a socket that is always ready, beside a task that wants to run every ms. How late that runs, and how many
  messages come in a CPU second, with the turns that the loop gets and without (DONTWAIT calls never let it have one).

Each number is a fresh process; both sides of a ratio take turns, round by round. Medians of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import zmqfast as zmq
import zmqfast.asyncio as zmq_asyncio

FRAME = b"x" * 16
MESSAGES = 1_000_000
BATCH = 1000
FAIR_S = 3
TICK_S = 0.001


def pair(context: Any, endpoint: str = "inproc://costs") -> tuple[Any, Any]:
    push, pull = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    push.sndhwm = pull.rcvhwm = 0
    pull.bind(endpoint)
    push.connect(endpoint)
    return push, pull


def send_from_another_process(pull: Any) -> subprocess.Popen[bytes]:
    """Binds, and returns once the first message has come."""
    pull.bind("tcp://127.0.0.1:*")
    program = (f"import zmqfast as zmq; push = zmq.Context().socket(zmq.PUSH); push.connect({pull.last_endpoint.decode()!r}); "
               f"[push.send_many([{FRAME!r}] * {BATCH}) for _ in range({2 * MESSAGES // BATCH})]")
    sender = subprocess.Popen([sys.executable, "-c", program])
    zmq.Socket.recv(pull, timeout=20)
    return sender


def blocking(there: bool) -> float:
    """Messages a second with the blocking recv_many()."""
    with zmq.Context() as context:
        if there:
            push, pull = pair(context)
            push.send_many([FRAME] * MESSAGES)
        else:
            pull = context.socket(zmq.PULL)
            sender = send_from_another_process(pull)
        began, count = time.perf_counter(), 0
        while count < MESSAGES - BATCH:
            count += len(pull.recv_many(BATCH))
        rate = count / (time.perf_counter() - began)
        if not there:
            sender.kill()
            sender.wait()
        context.destroy(linger=0)
        return rate


async def in_asyncio(there: bool) -> float:
    """The same in a loop."""
    with zmq_asyncio.Context() as context:
        if there:
            push, pull = pair(context)
            zmq.Socket.send_many(push, [FRAME] * MESSAGES)
        else:
            pull = context.socket(zmq.PULL)
            sender = send_from_another_process(pull)
        began, count = time.perf_counter(), 0
        while count < MESSAGES - BATCH:
            count += len(await pull.recv_many(BATCH))
        rate = count / (time.perf_counter() - began)
        if not there:
            sender.kill()
            sender.wait()
        context.destroy(linger=0)
        return rate


async def always_ready(flags: int) -> tuple[float, float]:
    """Messages a CPU second of a socket that is always ready, and the 99th percentile of how late a 1 ms ticker is, in ms."""
    with zmq_asyncio.Context() as context:
        push, pull = pair(context)
        late: list[float] = []

        async def tick() -> None:
            while True:
                began = time.perf_counter()
                await asyncio.sleep(TICK_S)
                late.append((time.perf_counter() - began - TICK_S) * 1000)

        ticking = asyncio.ensure_future(tick())
        await asyncio.sleep(0)
        began, count, receiving_s = time.perf_counter(), 0, 0.0
        while time.perf_counter() - began < FAIR_S:
            zmq.Socket.send_many(push, [FRAME] * BATCH)
            start = time.process_time()
            for _ in range(BATCH):
                await pull.recv(flags)
            receiving_s += time.process_time() - start
            count += BATCH
        ticking.cancel()
        context.destroy(linger=0)
        return count / receiving_s, statistics.quantiles(late, n=100)[98] if len(late) > 1 else float("inf")


CASES: dict[str, Callable[[str], Any]] = {
    "blocking-there": lambda loop: blocking(True),
    "asyncio-there": lambda loop: run(in_asyncio(True), loop),
    "blocking-flowing": lambda loop: blocking(False),
    "asyncio-flowing": lambda loop: run(in_asyncio(False), loop),
    "turns": lambda loop: run(always_ready(0), loop),
    "no-turns": lambda loop: run(always_ready(zmq.DONTWAIT), loop),
}


def run(coroutine: Any, loop_name: str) -> Any:
    loop = importlib.import_module(loop_name).new_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def measure_apart(case: str, loop_name: str) -> list[float]:
    ended = subprocess.run([sys.executable, __file__, "--one", case, "--loop", loop_name], capture_output=True, text=True,
                           timeout=300, check=True)
    return [float(word) for word in ended.stdout.split()]


def medians(cases: list[str], rounds: int, loop_name: str) -> list[list[float]]:
    """Of each number of each case."""
    measured: dict[str, list[list[float]]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            measured[case].append(measure_apart(case, loop_name))
    return [[statistics.median(numbers) for numbers in zip(*measured[case])] for case in cases]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        numbers = CASES[arguments.one](arguments.loop)
        print(*(numbers if isinstance(numbers, tuple) else [numbers]))
        return
    for kind in ("there", "flowing"):
        (blocked,), (awaited,) = medians([f"blocking-{kind}", f"asyncio-{kind}"], arguments.rounds, arguments.loop)
        print(f"recv_many, {kind:8} messages/s: blocking {blocked:12,.0f}   asyncio {awaited:12,.0f}   {blocked / awaited:.2f}")
    (fair, late_ms), (unfair, _) = medians(["turns", "no-turns"], arguments.rounds, arguments.loop)
    print(f"recv, always ready, messages/CPU s: with turns {fair:10,.0f}   without {unfair:10,.0f}"
          f"   loss {1 - fair / unfair:.1%}"
          f"   ticker late, p99: {late_ms:.1f} ms")


if __name__ == "__main__":
    main()
