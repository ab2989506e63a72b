"""What asyncio sockets do in a second: `python bench/bench_asyncio.py [case …]`, with --loop uvloop for the other loop.

Each number is a fresh process; the libraries take turns, round by round, so that a slow minute slows all of them. The
table gives the median of the rounds and its ratio to pyzmq on the same loop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

LIBRARIES = {"pyzmq": "zmq", "zmqfast": "zmqfast", "pyomq": "pyomq"}
FRAME = b"x" * 16
HANDSHAKE_S = 10


class Bench:
    """One library's asyncio sockets on one loop."""

    def __init__(self, library: str) -> None:
        self.zmq = importlib.import_module(LIBRARIES[library])
        self.zmq_asyncio = importlib.import_module(LIBRARIES[library] + ".asyncio")
        self.library = library
        self.context = self.zmq_asyncio.Context()
        self.sockets: list[Any] = []

    def socket(self, kind: str, context: Any = None) -> Any:
        socket = (context or self.context).socket(getattr(self.zmq, kind))
        socket.linger = 0
        socket.sndhwm = socket.rcvhwm = 1_000_000
        self.sockets.append(socket)
        return socket

    async def pair(self, binding: str, connecting: str, endpoint: str = "tcp://127.0.0.1:*") -> tuple[Any, Any]:
        first, second = self.socket(binding), self.socket(connecting)
        first.bind(endpoint)
        bound = first.last_endpoint if "*" in endpoint else endpoint
        second.connect(bound.rstrip(b"\0").decode() if isinstance(bound, bytes) else bound)
        return first, second

    def close(self) -> None:
        for socket in self.sockets:
            socket.close()
        self.context.term()


async def warm_up(sender: Any, receiver: Any) -> None:
    """One message there: peers are connected before the clock starts."""
    await asyncio.wait_for(asyncio.gather(sender.send(FRAME), receiver.recv()), HANDSHAKE_S)


async def ready(bench: Bench, count: int) -> float:
    """Receiving messages that are there."""
    push, pull = await bench.pair("PUSH", "PULL", "inproc://ready")
    await warm_up(push, pull)
    for _ in range(count):
        await push.send(FRAME)
    began = time.perf_counter()
    for _ in range(count):
        await pull.recv()
    return count / (time.perf_counter() - began)


async def push_pull(bench: Bench, count: int) -> float:
    """A sending and a receiving task in one loop, over tcp."""
    push, pull = await bench.pair("PUSH", "PULL")
    await warm_up(push, pull)

    async def send() -> None:
        for _ in range(count):
            await push.send(FRAME)

    began = time.perf_counter()
    sending = asyncio.ensure_future(send())
    for _ in range(count):
        await pull.recv()
    await sending
    return count / (time.perf_counter() - began)


async def answer(reply: Any, count: int) -> None:
    for _ in range(count):
        await reply.send(await reply.recv())


async def ask(request: Any, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        await request.send(FRAME)
        await request.recv()
    return count / (time.perf_counter() - began)


async def req_rep(bench: Bench, count: int) -> float:
    """Round trips within one loop, over tcp."""
    reply, request = await bench.pair("REP", "REQ")
    answering = asyncio.ensure_future(answer(reply, count + 1))
    await ask(request, 1)
    rate = await ask(request, count)
    await answering
    return rate


async def req_rep_processes(bench: Bench, count: int) -> float:
    """Round trips between two processes, each with a loop of the same library, over tcp."""
    request = bench.socket("REQ")
    peer = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--peer", bench.library, "--count", str(count + 100), *loop_arguments(),
        stdout=asyncio.subprocess.PIPE)
    assert peer.stdout is not None
    request.connect((await peer.stdout.readline()).decode().strip())
    await ask(request, 100)
    rate = await ask(request, count)
    await peer.wait()
    return rate


async def answer_in_another_process(bench: Bench, count: int) -> float:
    """The other side of req_rep_processes."""
    reply = bench.socket("REP")
    reply.bind("tcp://127.0.0.1:*")
    endpoint = reply.last_endpoint
    print(endpoint.rstrip(b"\0").decode() if isinstance(endpoint, bytes) else endpoint, flush=True)
    await answer(reply, count)
    return 0.0


async def waiting(bench: Bench, count: int) -> float:
    """A thousand sockets that wait at once, each given one message, again and again."""
    sockets = 1000
    with contextlib.suppress(AttributeError):
        bench.context.set(bench.zmq.MAX_SOCKETS, 2 * sockets + 10)
    pairs = [await bench.pair("PUSH", "PULL", f"inproc://waiting-{number}") for number in range(sockets)]
    for push, pull in pairs:
        await warm_up(push, pull)
    rounds = max(1, count // sockets)

    async def receive(pull: Any) -> None:
        for _ in range(rounds):
            await pull.recv()

    receiving = [asyncio.ensure_future(receive(pull)) for _, pull in pairs]
    await asyncio.sleep(0)
    began = time.perf_counter()
    for _ in range(rounds):
        for push, _ in pairs:
            await push.send(FRAME)
        await asyncio.sleep(0)
    await asyncio.gather(*receiving)
    return rounds * sockets / (time.perf_counter() - began)


CASES: dict[str, tuple[Callable[[Bench, int], Awaitable[float]], int, str]] = {
    "ready": (ready, 100_000, "messages/s"),
    "push_pull": (push_pull, 100_000, "messages/s"),
    "req_rep": (req_rep, 8_000, "round trips/s"),
    "req_rep_processes": (req_rep_processes, 8_000, "round trips/s"),
    "waiting": (waiting, 20_000, "messages/s"),
}
SLOW_LIBRARIES = {"pyzmq": 5}       # a fifth of the messages is enough


def loop_arguments() -> list[str]:
    return ["--loop", "uvloop" if "uvloop" in type(asyncio.get_running_loop()).__module__ else "asyncio"]


def run(coroutine: Coroutine[Any, Any, float], loop_name: str) -> float:
    loop = importlib.import_module(loop_name).new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()


def measure(case: Callable[[Bench, int], Awaitable[float]], library: str, count: int, loop_name: str) -> float:
    async def main() -> float:
        bench = Bench(library)
        try:
            return await case(bench, count)
        finally:
            bench.close()

    return run(main(), loop_name)


def measure_apart(name: str, library: str, loop_name: str) -> float:
    """measure() in a fresh process; 0 where the library cannot do it."""
    ended = subprocess.run([sys.executable, __file__, "--one", name, library, "--loop", loop_name],
                           capture_output=True, text=True, timeout=300)
    if ended.returncode:
        print(f"{name} {library}: {ended.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return 0.0
    return float(ended.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--libraries", nargs="*", default=list(LIBRARIES))
    parser.add_argument("--one", nargs=2, metavar=("CASE", "LIBRARY"), help=argparse.SUPPRESS)
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--count", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        measure(answer_in_another_process, arguments.peer, arguments.count, arguments.loop)
        return
    if arguments.one:
        name, library = arguments.one
        body, count, _ = CASES[name]
        print(measure(body, library, count // SLOW_LIBRARIES.get(library, 1), arguments.loop))
        return
    print(f"{'case':20}{'unit':16}" + "".join(f"{library:>12}" for library in arguments.libraries) + "   ÷ pyzmq")
    for name in arguments.cases:
        rates: dict[str, list[float]] = {library: [] for library in arguments.libraries}
        for _ in range(arguments.rounds):
            for library in arguments.libraries:
                rates[library].append(measure_apart(name, library, arguments.loop))
        medians = [statistics.median(rates[library]) for library in arguments.libraries]
        ratios = [f"{median / medians[0]:.1f}" if medians[0] else "?" for median in medians[1:]]
        print(f"{name:20}{CASES[name][2]:16}" + "".join(f"{median:12,.0f}" for median in medians)
              + "   " + " ".join(ratios), flush=True)


if __name__ == "__main__":
    main()
